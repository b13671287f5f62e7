// Amounts as options of a command line.
import ArgumentParser
import Base

extension Amount: ExpressibleByArgument {
  package init?(argument: String) { self.init(text: argument) }
}
