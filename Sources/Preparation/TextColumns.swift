// Which texts of a row a step reads or changes.
import Base
import Collectives

/// Columns by name; a dot leads into objects, and into each element of a list.
final class TextColumns {
  /// What rows are trained on, by the names that the formats have for it. Others are left alone: the id of a row is a
  /// text too.
  static let usual = [
    "text", "prompt", "completion", "response", "instruction", "input", "output", "source", "target", "title",
    "context", "question", "messages.content", "messages.content.text", "conversations.value",
    "prompt.content",
    "completion.content",
  ]
  /// The same without what is to be learned from it.
  static let asked = ["text", "prompt", "instruction", "input", "source", "question"]

  private let paths: [[[UInt8]]]
  private let names: [String]
  private let areGiven: Bool
  /// Which of the paths some row has had.
  private var found: Set<Int> = []
  private var hasRows = false

  /// - Parameter section: its key `columns` names some.
  init(_ section: Section, usual: [String] = TextColumns.usual) {
    areGiven = section.has("columns")
    names = areGiven ? section.texts("columns", default: []) : usual
    paths = names.map { $0.split(separator: ".", omittingEmptySubsequences: false).map { Array($0.utf8) } }
    if areGiven, names.isEmpty { section.fail("columns", "names no column") }
  }

  /// The texts, in the order of the columns.
  func texts(of row: JSON) -> [[UInt8]] {
    var texts: [[UInt8]] = []
    _ = mapped(row) {
      texts.append($0)
      return nil
    }
    return texts
  }

  /// The row with other texts.
  /// - Parameter change: nil where a text stays.
  func mapped(_ row: JSON, _ change: ([UInt8]) -> [UInt8]?) -> JSON {
    hasRows = true
    var result = row
    for (number, path) in paths.enumerated() {
      var isThere = false
      if let new = Self.mapped(result, path[...], &isThere, change) { result = new }
      if isThere { found.insert(number) }
    }
    return result
  }

  /// nil where nothing changes.
  private static func mapped(
    _ value: JSON, _ path: ArraySlice<[UInt8]>, _ isThere: inout Bool, _ change: ([UInt8]) -> [UInt8]?
  ) -> JSON? {
    if case .array(var elements) = value {
      var isChanged = false
      for place in elements.indices {
        guard let new = mapped(elements[place], path, &isThere, change) else { continue }
        elements[place] = new
        isChanged = true
      }
      return isChanged ? .array(elements) : nil
    }
    guard let key = path.first else {
      guard let bytes = value.bytes else { return nil }
      isThere = true
      return change(bytes).map { .string($0) }
    }
    guard case .object(var members) = value, let place = members.firstIndex(where: { $0.key == key }) else {
      return nil
    }
    if path.count == 1, members[place].value.isNull { isThere = true }
    guard let new = mapped(members[place].value, path.dropFirst(), &isThere, change) else { return nil }
    members[place].value = new
    return .object(members)
  }

  /// Columns that were named and no row has had. Collective.
  func missing(_ ranks: Ranks) -> [String] {
    guard areGiven, ranks.sum(hasRows ? 1 : 0) > 0 else { return [] }
    return names.indices.filter { ranks.sum(found.contains($0) ? 1 : 0) == 0 }.map { names[$0] }
  }
}

/// A step that reads texts of rows.
protocol TextStep: PreparationStep {
  var columns: TextColumns { get }
}
