// Numbers that tell how well a model does, by the names that logs give them.
import Base

/// A number of an objective, or several that belong together.
package struct Scalar: Sendable, Equatable {
  package var name: String
  package var value: JSON
  /// Whether it is for files alone, and a console leaves it out.
  package private(set) var isDetail = false

  package init(_ name: String, _ value: Double) { (self.name, self.value) = (name, .number(value)) }

  /// A number for files.
  package init(_ name: String, detail value: Double) {
    self.init(name, value)
    isDetail = true
  }

  /// Several under one name, for files; a console shows the others.
  package init(_ name: String, _ value: JSON) { (self.name, self.value) = (name, value) }

  /// One number for each of some names.
  package init(_ name: String, _ values: [(String, Double)]) {
    self.init(name, .object(values.map { JSON.Member(key: Array($0.0.utf8), value: .number($0.1)) }))
  }

  package var number: Double? { value.double }
}
