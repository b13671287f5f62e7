// The suite of the command line: every test starts real processes, one test at a time, since mpirun jobs
// side by side on few cores only disturb each other.
import Testing

@Suite(.serialized) enum CommandLineTests {}
