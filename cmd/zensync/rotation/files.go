package rotation

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// secretBytes is how many random bytes a secret is made of: nobody guesses 256
// bits, and in hex they fit any header.
const secretBytes = 32

// Files are where the secret of the event hook is kept. Whatever is done to
// them, and wherever a crash ends it, the secret file is there and whole, and
// between the two files they hold every secret that Okta may have.
type Files struct {
	Secret   string
	Previous string // a file only during a rotation
}

// check refuses two names of one file, which a rotation would destroy.
func (f Files) check() error {
	secret, err := os.Stat(f.Secret)
	if err != nil {
		return err
	}
	if previous, err := os.Stat(f.Previous); err == nil && os.SameFile(secret, previous) {
		return fmt.Errorf("%s and %s are one file: name another one as relay.previous_secret_file", f.Secret, f.Previous)
	}
	return nil
}

// renew makes a new secret and puts it into force beside the present one, which
// becomes the previous one. After an error both files are as they were.
func (f Files) renew(present string) (string, error) {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // it never fails
	made := hex.EncodeToString(random)
	err := f.replace(f.Previous, present)
	if err == nil {
		err = f.replace(f.Secret, made)
	}
	if err != nil {
		return "", errors.Join(err, f.restore(present))
	}
	return made, nil
}

// restore takes renew back. It is for when Okta has not heard of the new secret.
func (f Files) restore(present string) error {
	if now, err := os.ReadFile(f.Secret); err != nil || strings.TrimSpace(string(now)) != present {
		if err := f.replace(f.Secret, present); err != nil {
			return fmt.Errorf("the old secret could not be put back, and stays valid in %s: %w", f.Previous, err)
		}
	}
	return f.drop()
}

// drop removes the previous secret, and what a rotation that was killed may
// have left of a file.
func (f Files) drop() error {
	for _, name := range []string{f.Previous, draft(f.Previous), draft(target(f.Secret))} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the previous secret: %w", err)
		}
	}
	return syncFolder(f.Previous)
}

func draft(name string) string { return name + ".new" }

// target is the file that a name leads to: a link stays one, and what it leads
// to is replaced.
func target(name string) string {
	if file, err := filepath.EvalSymlinks(name); err == nil {
		return file
	}
	return name
}

// replace puts a secret into a file in one step that a crash of the host does
// not undo. The file gets the mode and the owner of the secret file: whoever
// reads that one has to read this one.
func (f Files) replace(name, secret string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w (whoever runs this has to own the file and to be allowed to write in its folder)", name, err)
		}
	}()
	like, err := os.Stat(f.Secret)
	if err != nil {
		return err
	}
	name = target(name)
	if err := os.Remove(draft(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeDraft(draft(name), secret+"\n", like); err != nil {
		return errors.Join(err, ignoreAbsent(os.Remove(draft(name))))
	}
	if err := os.Rename(draft(name), name); err != nil {
		return errors.Join(err, os.Remove(draft(name)))
	}
	return syncFolder(name)
}

// writeDraft makes a file, and returns when the disk has it.
func writeDraft(name, text string, like fs.FileInfo) (err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.WriteString(text); err != nil {
		return err
	}
	if owner, ok := like.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 { // only root can, and only root has to
		if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if err := file.Chmod(like.Mode().Perm()); err != nil {
		return err
	}
	return file.Sync()
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncFolder returns when the disk has what was renamed or removed beside name.
func syncFolder(name string) error {
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
