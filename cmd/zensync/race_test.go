//go:build race

package main

// floodDeliveries is less than without the race detector, under which they
// take many times as long.
const floodDeliveries = 2_000

// raced tells that the tests run with the race detector.
const raced = true
