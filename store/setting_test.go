package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettings(t *testing.T) {
	f := setup(t)
	read := func(key string) (value string) {
		t.Helper()
		f.see(func(tx *Tx) (err error) {
			value, err = tx.Setting(key)
			return err
		})
		return value
	}
	assert.Empty(t, read(LifeState))
	f.do(func(tx *Tx) error { return tx.SetSetting(LifeState, "active") })
	f.now = noon.Add(time.Minute)
	f.do(func(tx *Tx) error { return tx.SetSetting(LifeState, "paused") })
	assert.Equal(t, "paused", read(LifeState))
	assert.Equal(t, []string{FormatTime(f.now)}, f.texts(`SELECT changed FROM setting`))
	f.reopen()
	assert.Equal(t, "paused", read(LifeState))
}

func TestScheduledUntil(t *testing.T) {
	f := setup(t)
	read := func() (at time.Time, err error) {
		err = f.db.View(t.Context(), func(tx *Tx) (err error) {
			at, err = tx.ScheduledUntil()
			return err
		})
		return at, err
	}
	at, err := read()
	require.NoError(t, err)
	assert.Zero(t, at)
	f.do(func(tx *Tx) error { return tx.SetSetting(ScheduledUntil, FormatTime(noon)) })
	at, err = read()
	require.NoError(t, err)
	assert.Equal(t, noon, at)
	f.do(func(tx *Tx) error { return tx.SetSetting(ScheduledUntil, "noon") })
	_, err = read()
	assert.ErrorContains(t, err, ScheduledUntil)
}
