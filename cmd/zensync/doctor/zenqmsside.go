package doctor

import (
	"context"
	"errors"
	"net/http"

	"github.com/zensync/zensync/reconcile/zenqms"
)

// tokenSettings is where the token is looked after.
const tokenSettings = "ZenQMS, Settings > Account > API Settings"

// zenqmsToken tries the key, with the searches that compare what zensync assumes
// with the account.
func (v *visit) zenqmsToken(ctx context.Context) []Finding {
	cfg, err := v.in.ZenQMSConfig()
	if err != nil {
		return []Finding{failed(err.Error(), "correct the file that it names")}
	}
	v.zenqmsTime.now = v.now
	cfg.Transport, cfg.Timeout = &v.zenqmsTime, answerWithin
	if v.zenqms, err = zenqms.New(cfg); err != nil {
		return []Finding{failed(err.Error(), "correct the configuration, or the file that it names")}
	}
	if v.api, err = v.zenqms.Check(ctx); err != nil {
		return []Finding{refusedByZenQMS(err)}
	}
	return []Finding{ok("ZenQMS takes the key, and lets it search users (whether it may write them, only a write shows)")}
}

func refusedByZenQMS(err error) Finding {
	var e *zenqms.Error
	if !errors.As(err, &e) {
		return failed(err.Error(), "check zenqms.base_url")
	}
	switch {
	case e.Status == http.StatusUnauthorized:
		return failed("ZenQMS refuses the key with 401", "make sure that it is activated and has not expired, and that all of it is in zenqms.api_key_file: "+tokenSettings+
			"; if it is, ZenQMS may want it elsewhere: zenqms.auth_header, zenqms.auth_prefix")
	case e.Status == http.StatusForbidden:
		return failed("ZenQMS knows the key, and forbids it to search users (403)", "let it read and write users, and look at the role of the person who made it: "+tokenSettings)
	case e.Status == http.StatusTooManyRequests:
		return warning(e.Error(), "others use up ZenQMS's limit; try again in a minute")
	case e.Status != 0:
		return failed(e.Error(), "if this lasts, ask ZenQMS")
	}
	return failed(e.Error(), "check zenqms.base_url, DNS, the firewall, and whether a proxy is in the way ($HTTPS_PROXY is used where it is set)")
}

func (v *visit) zenqmsClock(context.Context) []Finding {
	return []Finding{v.zenqmsTime.finding("ZenQMS")}
}

// zenqmsAPI tells of each assumption whether it holds. Roles concern only who
// maps some.
func (v *visit) zenqmsAPI(context.Context) []Finding {
	var found []Finding
	for _, f := range v.api {
		seen := f.Assumption
		if f.Detail != "" {
			seen += ": " + f.Detail
		}
		var finding Finding
		switch {
		case f.Verdict == zenqms.Holds:
			finding = ok("%s", seen)
		case f.Verdict == zenqms.Untested:
			finding = skipped(seen)
		case f.Tolerated:
			finding = warning(seen, "nothing: zensync does without, with more calls")
		case f.Key == "roles" && len(v.in.Roles) == 0:
			finding = warning(seen, "nothing, as long as no roles are mapped")
		default:
			finding = failed(seen, "do not deploy: ZenQMS's API is another than this version of zensync knows; report it with this line")
		}
		found = append(found, finding.of("zenqms.api."+f.Key))
	}
	return found
}
