package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestASocketReachableFromOutsideNeedsTLS(t *testing.T) {
	for address, exposed := range map[string]bool{
		"127.0.0.1:8080": false, "[::1]:8080": false, "[::ffff:127.0.0.1]:8080": false, "/run/zensync/relay.sock": false,
		"0.0.0.0:8080": true, "[::]:8080": true, "192.0.2.1:443": true, "[2001:db8::1]:443": true, "[fe80::1%eth0]:443": true,
	} {
		err := checkExposure(address, false)
		assert.Equal(t, exposed, err != nil, address)
		if exposed {
			assert.Equal(t, exitUsage, statusOf(err), address)
			assert.ErrorContains(t, err, address)
		}
		assert.NoError(t, checkExposure(address, true), address)
	}
}
