// The labels of a classification, and which of them a row means.
import Base

/// Distinct labels in order: a sequence stores the index of its own.
package struct Labels: Equatable, Sendable {
  /// More labels than this are taken for a column of something else.
  package static let most = 10_000

  package let names: [String]
  private let indices: [String: Int]
  /// Whether rows may give the index of a label: then no label is a number itself.
  private let takesIndices: Bool

  package init(_ names: [String]) {
    self.names = names
    indices = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    takesIndices = names.allSatisfy { Self.number($0) == nil }
  }

  /// The mistakes of labels that a user gives.
  /// - Parameter setting: what messages call them.
  package static func mistakes(_ names: [String], setting: String) -> [UserError] {
    var mistakes: [UserError] = []
    if names.count < 2 {
      mistakes.append(
        UserError(
          .usage, "must be two or more, but \(names.count == 1 ? "is one" : "are none")", at: setting))
    }
    if names.count > most {
      mistakes.append(UserError(.usage, "are \(names.count), but at most \(most) are possible", at: setting))
    }
    var seen = Set<String>()
    for name in names where !seen.insert(name).inserted {
      mistakes.append(UserError(.usage, "has \"\(name)\" twice", at: setting))
    }
    if names.contains("") { mistakes.append(UserError(.usage, "has an empty label", at: setting)) }
    return mistakes
  }

  /// The index of a label by its name, or by its place from 0 if all labels are names.
  func index(of label: String) throws(RowMistake) -> Int {
    if let index = indices[label] { return index }
    if takesIndices, let number = Self.number(label), names.indices.contains(number) { return number }
    let near = nearest(to: label, among: names)
    let list = shortened(names.map { "\"\($0)\"" }.joined(separator: ", "))
    throw RowMistake(
      "has the label \"\(label)\", which is not one of the \(names.count) labels",
      hint: near.map { "did you mean \"\($0)\"?" } ?? "they are \(list)")
  }

  /// A whole number as it is usually written.
  private static func number(_ label: String) -> Int? {
    Int(label).flatMap { String($0) == label ? $0 : nil }
  }

  /// The distinct labels of all sources, numbers in their order and then texts by their bytes.
  /// - Throws: `UserErrors` with the mistakes of all files, or if there are too many labels or only one.
  package static func found(in options: DataOptions) throws -> [String] {
    let names = try options.fact("labels") {
      .array(try read(options).map { .string($0) })
    }
    return names.elements?.compactMap(\.text) ?? []
  }

  private static func read(_ options: DataOptions) throws -> [String] {
    var mistakes: [UserError] = []
    var found = Set<String>()
    for source in options.sources {
      var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
      reader.read { example, _, _, summary in
        summary.rows += 1
        if found.count <= most { found.formUnion(example.labelNames) }
      }
      mistakes += reader.mistakes
    }
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }
    guard found.count <= most else {
      throw UserErrors([
        UserError(
          .data, "has more than \(most) distinct labels", at: options.names.data,
          hint: "is \(options.names.columns).label the column of the labels?")
      ])
    }
    let sorted = found.sorted { first, second in
      switch (number(first), number(second)) {
      case (let first?, let second?): first < second
      case (_?, nil): true
      case (nil, _?): false
      case (nil, nil): first.utf8.lexicographicallyPrecedes(second.utf8)
      }
    }
    guard sorted.count > 1 else {
      throw UserErrors([
        UserError(
          .data, "has only the label \"\(sorted.first ?? "")\"", at: options.names.data,
          hint: "a classification needs two")
      ])
    }
    return sorted
  }
}
