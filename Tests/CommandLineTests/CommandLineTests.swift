// The suite of the command line. Every test starts real processes, and tests run one at a time, since mpirun jobs
// side by side on few cores only disturb each other.
import Testing

@Suite(.serialized) enum CommandLineTests {}
