//go:build !race

package main

const floodDeliveries = 10_000
