package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/zensync/zensync/cmd/zensync/config"
)

func (v *visit) config(context.Context) []Finding {
	in, err := v.load()
	var wrong *config.Error
	switch {
	case errors.As(err, &wrong):
		return problems(wrong)
	case err != nil:
		return []Finding{failed(err.Error(), "correct the configuration, and try it with `zensync config check`")}
	}
	v.in = in
	return []Finding{ok("%s", in.Path)}
}

// problems are those of the configuration, each a finding.
func problems(wrong *config.Error) []Finding {
	var found []Finding
	for _, p := range wrong.Problems {
		remedy := p.Remedy
		p.Remedy = ""
		found = append(found, failed(p.String(), remedy))
	}
	return found
}

// configFile looks who may read and write the configuration: whoever may write
// it sends secrets where he likes, and addresses of notify.urls are secrets.
func (v *visit) configFile(context.Context) []Finding {
	info, err := os.Stat(v.in.Path)
	if err != nil {
		return []Finding{failed(err.Error(), "check the file")}
	}
	mode := info.Mode().Perm()
	seen := fmt.Sprintf("mode %04o, owner %s", mode, ownerOf(info))
	remedy := "chmod 640 " + v.in.Path
	switch {
	case mode&0o002 != 0 || mode&0o020 != 0 && !groupOfOwn(info):
		return []Finding{failed(seen+": others can change it, and so send the secrets elsewhere", remedy)}
	case mode&0o004 != 0 && len(v.in.Notify.URLs) > 0:
		return []Finding{failed(seen+": everybody can read the credentials in notify.urls", remedy+", and put them into a file of their own (notify.urls_file)")}
	case mode&0o004 != 0:
		return []Finding{warning(seen+": everybody can read it; it holds no secret as long as notify.urls is empty", remedy)}
	}
	return []Finding{ok("%s", seen)}
}

// groupOfOwn tells whether a file's group is the one that belongs to its owner,
// as many hosts have it.
func groupOfOwn(info os.FileInfo) bool {
	stat, is := info.Sys().(*syscall.Stat_t)
	return is && stat.Uid == stat.Gid
}

// secretKinds are the secrets by what needs them.
var secretKinds = []struct {
	name string
	keys []string
}{
	{"secret.okta", []string{"okta.private_key_file", "okta.api_token_file"}},
	{"secret.zenqms", []string{"zenqms.api_key_file"}},
	{"secret.hook", []string{"relay.secret_file", "relay.previous_secret_file"}},
	{"secret.tls", []string{"relay.tls_cert_file", "relay.tls_key_file"}},
	{"secret.notify", []string{"notify.urls_file"}},
}

func secretChecks() []check {
	var all []check
	for _, kind := range secretKinds {
		all = append(all, check{name: kind.name, needs: []string{"config"}, run: func(v *visit, _ context.Context) []Finding {
			return v.secrets(kind.keys)
		}})
	}
	return all
}

// secrets looks at the files of some keys: that they are there, hold what they
// should, and are their owner's alone.
func (v *visit) secrets(keys []string) []Finding {
	var found []Finding
	for _, f := range v.in.SecretFiles() {
		for _, key := range keys {
			if f.Key == key {
				found = append(found, v.secret(f))
			}
		}
	}
	if len(found) == 0 {
		return []Finding{skipped("none is configured")}
	}
	return found
}

func (v *visit) secret(f config.SecretFile) Finding {
	var wrong *config.Error
	if err := v.in.CheckSecret(f.Key); errors.As(err, &wrong) {
		return problems(wrong)[0]
	} else if err != nil {
		return failed(err.Error(), "check the file")
	}
	info, err := os.Stat(f.Name)
	if err != nil {
		return failed(err.Error(), "check the file")
	}
	seen := fmt.Sprintf("%s, mode %04o, owner %s", f.Name, info.Mode().Perm(), ownerOf(info))
	if f.Key == "relay.previous_secret_file" {
		return warning(seen+": a rotation of the secret is under way, or was broken off", "`zensync rotate-secret` goes on with it")
	}
	if owner := v.owner(); owner != "" && owner != ownerOf(info) && !f.Public {
		return warning(fmt.Sprintf("%s: root can read it, %s cannot, who runs the commands", seen, owner),
			fmt.Sprintf("`systemd-tmpfiles --create zensync.conf`, or `chown %s %s`", owner, f.Name))
	}
	return ok("%s", seen)
}

// packaged is the user that the packages make.
const packaged = "zensync"

// owner is the user whom the secrets have to belong to, as far as root can tell
// by the store and its folder; "" for anybody else, who has just read them.
func (v *visit) owner() string {
	if os.Geteuid() != 0 {
		return ""
	}
	for _, name := range []string{v.in.Store.Path, folderOf(v.in.Store.Path)} {
		if info, err := os.Stat(name); err == nil && ownerOf(info) == packaged {
			return packaged
		}
	}
	return ""
}

// ownerOf is the name of a file's owner, or his number.
func ownerOf(info os.FileInfo) string {
	stat, is := info.Sys().(*syscall.Stat_t)
	if !is {
		return "unknown"
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func folderOf(path string) string {
	if i := strings.LastIndexByte(path, os.PathSeparator); i > 0 {
		return path[:i]
	}
	return "/"
}
