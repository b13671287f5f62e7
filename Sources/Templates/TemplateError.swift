// What goes wrong with a template, with the line where it does.
import Base

/// A template that cannot be read or rendered. The message says what Jinja and Python say, where there is a choice.
package struct TemplateError: Error, Equatable, CustomStringConvertible {
  package var message: String
  /// The line of the template, from 1.
  package var line: Int

  package init(_ message: String, line: Int = 0) {
    self.message = message
    self.line = line
  }

  /// One line, whatever the template or its data hold.
  package var description: String {
    line > 0 ? "line \(line): \(message.printable(1000))" : message.printable(1000)
  }
}
