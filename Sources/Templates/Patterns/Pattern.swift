// A regular expression of Python's `re`, which task files and templates bring: matched as Python matches it, in a bounded
// number of steps.
import Base

package struct Pattern: @unchecked Sendable {
  private let program: PatternProgram
  package let groups: Int
  private let names: [String: Int]

  /// - Throws: `PatternMistake` with Python's message where the text is none, or where it needs what is not built in.
  package init(_ source: String, ignoresCase: Bool = false) throws(PatternMistake) {
    var parser = PatternParser(source, ignoresCase: ignoresCase)
    let node = try parser.whole()
    program = try PatternProgram(node, groups: parser.groups)
    groups = parser.groups
    names = parser.names
  }

  /// A text with what is special in it taken for letters, as `re.escape` writes it.
  package static func escaped(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if "()[]{}?*+-|^$\\.&~# \t\n\r\u{0B}\u{0C}".unicodeScalars.contains(scalar) { out.append("\\") }
      out.append(scalar)
    }
    return String(out)
  }

  /// Each match from the front, as the places of its groups: the whole match is the first. -1 for a group without one.
  private func places(in text: [Unicode.Scalar], atMost most: Int = .max) throws(PatternMistake) -> [[Int]] {
    var run = PatternRun(program, text)
    var all: [[Int]] = []
    var (start, mayBeEmpty) = (0, true)
    while all.count < most, let found = try run.search(from: start, mayBeEmpty: mayBeEmpty) {
      all.append(Array(found[..<(2 * (groups + 1))]))
      start = found[1]
      mayBeEmpty = found[1] > found[0]
    }
    return all
  }

  /// What `re.findall` gives: for each match the whole of it, or what its groups matched; empty for those that did not.
  package func findAll(in text: String) throws(PatternMistake) -> [[String]] {
    let scalars = Array(text.unicodeScalars)
    var all: [[String]] = []
    for places in try self.places(in: scalars) {
      let shown = groups == 0 ? 0...0 : 1...groups
      all.append(shown.map { Self.part(scalars, places, $0) })
    }
    return all
  }

  /// Whether it matches anywhere.
  package func matches(_ text: String) throws(PatternMistake) -> Bool {
    try !places(in: Array(text.unicodeScalars), atMost: 1).isEmpty
  }

  /// What `re.sub` gives.
  /// - Parameters:
  ///   - replacement: may refer to groups: `\1`, `\g<name>`.
  ///   - count: how many matches are replaced; 0 for all.
  package func replacing(
    _ text: String, by replacement: String, count: Int = 0
  ) throws(PatternMistake) -> String {
    let parts = try PatternReplacement.parts(replacement, groups: groups, names: names)
    let scalars = Array(text.unicodeScalars)
    var out = String.UnicodeScalarView()
    var end = 0
    for places in try self.places(in: scalars, atMost: count > 0 ? count : .max) {
      out.append(contentsOf: scalars[end..<places[0]])
      for part in parts {
        switch part {
        case .text(let text): out.append(contentsOf: text)
        case .group(let group): out.append(contentsOf: Self.part(scalars, places, group).unicodeScalars)
        }
      }
      end = places[1]
    }
    out.append(contentsOf: scalars[end...])
    return String(out)
  }

  private static func part(_ text: [Unicode.Scalar], _ places: [Int], _ group: Int) -> String {
    let (start, end) = (places[2 * group], places[2 * group + 1])
    return start >= 0 && end >= start ? String(String.UnicodeScalarView(text[start..<end])) : ""
  }
}

/// What stands in the place of a match.
enum PatternReplacement {
  enum Part {
    case text([Unicode.Scalar])
    case group(Int)
  }

  static func parts(
    _ text: String, groups: Int, names: [String: Int]
  ) throws(PatternMistake) -> [Part] {
    let scalars = Array(text.unicodeScalars)
    var parts: [Part] = []
    var place = 0
    func group(_ number: Int?) throws(PatternMistake) -> Part {
      guard let number, number <= groups else { throw PatternMistake("invalid group reference") }
      return .group(number)
    }
    while place < scalars.count {
      guard scalars[place] == "\\", place + 1 < scalars.count else {
        parts.append(.text([scalars[place]]))
        place += 1
        continue
      }
      let letter = scalars[place + 1]
      place += 2
      switch letter {
      case "n": parts.append(.text(["\n"]))
      case "t": parts.append(.text(["\t"]))
      case "r": parts.append(.text(["\r"]))
      case "\\": parts.append(.text(["\\"]))
      case "1"..."9":
        var number = Int(letter.value - 0x30)
        if place < scalars.count, ("0"..."9").contains(scalars[place]) {
          number = number * 10 + Int(scalars[place].value - 0x30)
          place += 1
        }
        parts.append(try group(number))
      case "g":
        guard place < scalars.count, scalars[place] == "<",
          let end = scalars[place...].firstIndex(of: ">")
        else { throw PatternMistake("missing group name") }
        let name = String(String.UnicodeScalarView(scalars[place + 1..<end]))
        parts.append(try group(Int(name) ?? names[name]))
        place = end + 1
      case "a"..."z", "A"..."Z", "0": throw PatternMistake("bad escape \\\(letter)")
      default: parts.append(.text(["\\", letter]))
      }
    }
    return parts
  }
}
