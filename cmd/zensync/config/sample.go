package config

import _ "embed"

// Sample is a commented configuration to begin with. Every key is in it; a line
// that begins with # and a key, without a blank between, is optional.
//
//go:embed sample.yaml
var Sample string
