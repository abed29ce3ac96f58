package browser

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	program     = flag.String("program", "", "path of zensync; built for the test if there is none")
	axe         = flag.String("axe", "", "path of axe.min.js, from npm's axe-core; without it accessibility is not checked")
	screenshots = flag.String("screenshots", "", "folder for pictures of what the browser showed")
)

// look is how somebody looks at the page.
type look struct {
	name          string
	width, height int64
	phone, dark   bool
}

var looks = []look{
	{"desktop-light", 1280, 900, false, false},
	{"desktop-dark", 1280, 900, false, true},
	{"phone-light", 390, 844, true, false},
	{"phone-dark", 390, 844, true, true},
}

func TestStatusPageInABrowser(t *testing.T) {
	chromium := find(t)
	s := newScene(t, built(t))
	browser := open(t, chromium)
	s.shows("Working. Nothing waits for you")
	examine(browser, s, "well", "/", "Working. Nothing waits for you", looks[:1])
	s.trouble()
	examine(browser, s, "trouble", "/", "things wait for you", looks)
	examine(browser, s, "explain", "/explain?user="+s.users[1].ID, "is_active", looks)
	search(browser, s)
	s.command(0, "pause", "--by", imageName, "--reason", "the validation of "+scriptName)
	s.shows("Paused by")
	examine(browser, s, "paused", "/", "Paused by "+imageName, looks[1:3])
}

// find is the path of Chromium.
func find(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("the status page was not looked at in a browser: there is no chromium (apt-get install chromium)")
	return ""
}

func built(t *testing.T) string {
	if *program != "" {
		path, err := filepath.Abs(*program)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := filepath.Join(t.TempDir(), "zensync")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/zensync")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build zensync: %v\n%s", err, out)
	}
	return path
}

func open(t *testing.T, chromium string) context.Context {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()),
		chromedp.DisableGPU, chromedp.Flag("hide-scrollbars", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to have one as root
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, endBrowser := chromedp.NewContext(allocator)
	t.Cleanup(endBrowser)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // and wait for its end: its folder is to be removed
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", chromium, err)
	}
	return ctx
}

// visit is a tab, and what went on in it.
type visit struct {
	ctx context.Context

	mu       sync.Mutex
	wrong    []string        // that a browser complained of, or asked for elsewhere
	pictures map[string]bool // charts that came
}

// newTab opens a tab that looks as l does, and runs no scripts.
func newTab(browser context.Context, s *scene, l look) *visit {
	s.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	s.Cleanup(closeTab)
	s.must(chromedp.Do(ctx)) // without a limit: it would be the tab's
	ctx, cancel := context.WithTimeout(ctx, patience)
	s.Cleanup(cancel)
	v := &visit{ctx: ctx, pictures: map[string]bool{}}
	s.must(chromedp.Listen(ctx, func(event any) { v.note(s, event) }))
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	send(v, s, network.Enable, network.EnableParams{})
	send(v, s, log.Enable, cdp.Empty{})
	send(v, s, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.phone})
	send(v, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	v.allow(s, false)
	return v
}

// allow lets scripts run, or not.
func (v *visit) allow(s *scene, scripts bool) {
	s.Helper()
	send(v, s, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
}

// send sends the browser a command of its protocol.
func send[P, R any](v *visit, s *scene, command cdp.Command[P, R], params P) R {
	s.Helper()
	result, err := chromedp.Call(v.ctx, command, params)
	s.must(err)
	return result
}

// do does something in a tab, and returns what comes of it.
func do[T any](v *visit, s *scene, action chromedp.Action[T]) T {
	s.Helper()
	result, err := chromedp.Run(v.ctx, action)
	s.must(err)
	return result
}

func (v *visit) complain(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

func (v *visit) note(s *scene, event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if url := e.Request.URL; !strings.HasPrefix(url, s.page+"/") && url != "about:blank" {
			v.complain("asks elsewhere: %s", url)
		}
	case *network.EventResponseReceived:
		if e.Response.Status != 200 {
			v.complain("%s answers %d", e.Response.URL, e.Response.Status)
		}
		if strings.Contains(e.Response.URL, "/chart/") {
			v.mu.Lock()
			v.pictures[e.Response.URL] = true
			v.mu.Unlock()
		}
	case *network.EventLoadingFailed:
		if e.ErrorText == "net::ERR_ABORTED" && e.BlockedReason == "" {
			return // it has changed its mind: to take a picture, the window is made as long as the page
		}
		v.complain("does not load: %s %s", e.ErrorText, e.BlockedReason)
	case *log.EventEntryAdded:
		v.complain("the browser says: %s %s", e.Entry.Text, e.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		v.complain("a script writes to the console")
	case *runtime.EventExceptionThrown:
		v.complain("a script fails: %s", e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		v.complain("a script opens a dialog: %s", e.Message)
		go func() { // the page waits for it; and here no command may be sent
			_, _ = chromedp.Call(v.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	}
}

// quiet holds a visit to what must not happen in one.
func (v *visit) quiet(s *scene, where string) {
	s.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, wrong := range v.wrong {
		s.Errorf("%s: %s", where, wrong)
	}
}

// examine looks at a page with each look, without scripts, and has axe-core look
// at the same. With the first look the page is loaded once more with scripts, as
// most browsers have them. It has to contain a text.
func examine(browser context.Context, s *scene, name, path, text string, looks []look) {
	s.Helper()
	for i, l := range looks {
		where, began := name+" "+l.name, time.Now()
		v := newTab(browser, s, l)
		do(v, s, chromedp.Navigate(s.page+path))
		body := do(v, s, chromedp.Text(chromedp.CSS("body"), chromedp.NodeReady))
		width := int64(send(v, s, page.GetLayoutMetrics, cdp.Empty{}).CSSContentSize.Width)
		if !strings.Contains(strings.ToLower(body), strings.ToLower(text)) {
			s.Errorf("%s: %q is not on the page:\n%s", where, text, body)
		}
		if width > l.width {
			s.Errorf("%s: it is %d pixels wide, and has to be scrolled sideways on %d", where, width, l.width)
		}
		v.quiet(s, where+" without scripts")
		if len(v.pictures) != 4 && path == "/" {
			s.Errorf("%s: %d charts came", where, len(v.pictures))
		}
		v.keep(s, name+"-"+l.name)
		v.allow(s, true)
		if i == 0 {
			do(v, s, chromedp.Reload())
		}
		v.accessible(s, where)
		v.quiet(s, where+" with scripts")
		s.Logf("%s: %s", where, time.Since(began).Round(time.Millisecond))
	}
}

// keep saves a picture of the whole page.
func (v *visit) keep(s *scene, name string) {
	if *screenshots == "" {
		return
	}
	s.must(os.MkdirAll(*screenshots, 0o755))
	s.must(os.WriteFile(filepath.Join(*screenshots, name+".png"), do(v, s, chromedp.FullScreenshot(100)), 0o644))
}

// accessible has axe-core find no violation.
func (v *visit) accessible(s *scene, where string) {
	s.Helper()
	if *axe == "" {
		return
	}
	source, err := os.ReadFile(*axe)
	s.must(err)
	do(v, s, chromedp.Evaluate[bool](string(source)+"; true"))
	result := do(v, s, chromedp.Evaluate[string](`document.querySelectorAll("details").forEach(d => d.open = true);
			axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify({passes: r.passes.length, violations: r.violations.map(v => ({
				id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html + " " + n.failureSummary)}))}))`, chromedp.EvalAwaitPromise))
	var found struct {
		Passes     int
		Violations []struct {
			ID, Help string
			Nodes    []string
		}
	}
	s.must(json.Unmarshal([]byte(result), &found))
	if found.Passes == 0 {
		s.Errorf("%s: axe-core has checked nothing", where)
	}
	for _, violation := range found.Violations {
		s.Errorf("%s: axe-core: %s: %s\n%s", where, violation.ID, violation.Help, strings.Join(violation.Nodes, "\n"))
	}
}

// search looks somebody up as people do, without scripts.
func search(browser context.Context, s *scene) {
	v := newTab(browser, s, looks[0])
	do(v, s, chromedp.Navigate(s.page+"/"))
	do(v, s, chromedp.Focus(chromedp.CSS("#user"), chromedp.NodeReady))
	send(v, s, input.InsertText, input.InsertTextParams{Text: "ada07@example.com"})
	_, err := chromedp.RunResponse(v.ctx, chromedp.KeyEvent("\r"))
	s.must(err)
	body := do(v, s, chromedp.Text(chromedp.CSS("body"), chromedp.NodeReady))
	if !strings.Contains(body, s.users[7].ID) {
		s.Errorf("the search does not find him:\n%s", body)
	}
	v.quiet(s, "search")
}

func TestMain(m *testing.M) {
	flag.Parse()
	if *axe == "" {
		fmt.Println("Accessibility is not checked: -axe names no axe.min.js, which npm installs.")
	}
	began := time.Now()
	code := m.Run()
	fmt.Printf("in %s\n", time.Since(began).Round(100*time.Millisecond))
	os.Exit(code)
}
