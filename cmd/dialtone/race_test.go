//go:build race

package main

// With the race detector on, drawing takes many times as long, and a notice leaves without its graph rather than late.
func init() { graphsInTime = false }
