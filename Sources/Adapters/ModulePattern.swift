// Which modules or parameters a setting means: names or their ends, or one regular expression, as PEFT reads
// `target_modules`. In a name `*` stands for any characters.
import Base

/// One of PEFT's two ways to name modules.
package enum ModulePattern: Sendable, Equatable {
  /// A module is meant by its whole name, or by its end after a dot.
  case names([String])
  /// A module is meant where its whole name matches.
  case expression(String)

  /// Nil where the key is not given.
  package init?(_ section: Section, _ key: String) {
    guard let given = section.raw(key) else { return nil }
    if let text = given.text, !text.isEmpty {
      section.record(key, given)
      self = .expression(text)
      if (try? Regex(text)) == nil {
        section.fail(key, "is \(text.quoted), which is no regular expression")
      }
    } else {
      self = .names(section.texts(key, default: []))
    }
  }

  func matches(_ module: String) -> Bool {
    switch self {
    case .names(let names): names.contains { Self.name($0, means: module) }
    case .expression(let text): (try? Regex(text).wholeMatch(in: module)) != nil
    }
  }

  private static func name(_ name: String, means module: String) -> Bool {
    guard name.contains("*") else { return module == name || module.hasSuffix("." + name) }
    return ends(module, with: name.replacing(".", with: "\\.").replacing("*", with: ".*"))
  }

  /// Whether an expression matches a module's name or its end after a dot, as PEFT reads `rank_pattern`.
  static func ends(_ module: String, with expression: String) -> Bool {
    (try? Regex("(.*\\.)?(\(expression))").wholeMatch(in: module)) != nil
  }

  /// The modules that are meant.
  /// - Throws: where a name or the expression means none, with the nearest names.
  func modules(among modules: [String], at place: String) throws -> [String] {
    let ends = Set(modules.map { $0.split(separator: ".").last.map(String.init) ?? $0 })
      .filter { Int($0) == nil }.sorted()
    func mistake(_ what: String) -> UserError {
      let near = nearest(to: what, among: ends + modules)
      return UserError(
        .usage, "\(what.quoted) is no module of this model", at: place,
        hint: near.map { "did you mean \($0)?" } ?? "there are \(ends.joined(separator: ", "))")
    }
    switch self {
    case .names(let names):
      let problems = Problems()
      for name in names where !modules.contains(where: { ModulePattern.names([name]).matches($0) }) {
        problems.add(mistake(name))
      }
      try problems.throwIfAny()
    case .expression(let text):
      guard modules.contains(where: matches) else { throw mistake(text) }
    }
    return modules.filter(matches)
  }

  /// The parameters that are meant by their own names, or by the name of any module that they are within.
  /// - Throws: where a name or the expression means none, with the nearest names.
  package func parameters(among names: [String], at place: String) throws -> Set<String> {
    let paths = names.map { name in
      let ends = name.indices.filter { name[$0] == "." } + [name.endIndex]
      return ends.map { String(name[..<$0]) }
    }
    var known: Set<String> = []
    let parts = paths.joined().filter { known.insert($0).inserted }
    let meant = Set(try modules(among: parts, at: place))
    return Set(zip(names, paths).filter { !meant.isDisjoint(with: $1) }.map(\.0))
  }
}
