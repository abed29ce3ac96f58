package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/reconcile"
)

func TestExitStatuses(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{errInterrupted, 1},
		{reconcile.ErrNotDeployed, 1},
		{&reconcile.ErrUnverified{}, 1},
		{usage("no"), 2},
		{fmt.Errorf("in the middle: %w", usage("no")), 2},
		{&config.Error{}, 2},
		{errors.Join(&reconcile.ErrForeign{}, nil), 2},
		{errors.Join(errAttention, nil), 3},
		{errToDo, 3},
		{errHeld, 4},
	} {
		assert.Equal(t, c.want, statusOf(c.err), "%T %v", c.err, c.err)
	}
}

func TestErrorsArePrintedOnceALine(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errAttention, ""},
		{errToDo, ""},
		{errors.New("it failed"), "zensync: it failed\n"},
		{errors.Join(errors.New("one"), errors.New("two")), "zensync: one\nzensync: two\n"},
		{errors.New("said \x1b[2Jred"), "zensync: said \\x1b[2Jred\n"},
	} {
		var out bytes.Buffer
		complain(&out, c.err)
		assert.Equal(t, c.want, out.String())
	}
}

func TestTogetherEndsAllWhenOneFails(t *testing.T) {
	broken := errors.New("broken")
	ended := false
	err := together(context.Background(),
		func(ctx context.Context) error { <-ctx.Done(); ended = true; return nil },
		func(context.Context) error { return broken })
	assert.ErrorIs(t, err, broken)
	assert.True(t, ended, "together returns when all have ended")

	ctx, stop := context.WithCancel(context.Background())
	stop()
	wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
	assert.NoError(t, together(ctx, wait, wait))
}

func TestNobodyHasToAnswerAfterCtrlC(t *testing.T) {
	ctx, interrupt := context.WithCancel(context.Background())
	interrupt()
	never, hold := io.Pipe()
	defer hold.Close()
	assert.ErrorContains(t, agree(ctx, never, io.Discard, "deployed"), "interrupted, and nothing was changed")
}
