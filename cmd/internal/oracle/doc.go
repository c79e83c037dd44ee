// Package oracle holds the agent against Monit itself: the same control file, the same faults in the same cycles, and the programs that
// each of the two runs as the record. It has nothing but tests; docs/from-monit.md is where a user reads what they allow to differ.
package oracle
