//go:build !race

package main

const floodDeliveries = 10_000

// raced tells that the tests run with the race detector.
const raced = false
