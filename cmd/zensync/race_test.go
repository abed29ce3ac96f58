//go:build race

package main

// floodDeliveries is less than without the race detector, under which they
// take many times as long.
const floodDeliveries = 2_000
