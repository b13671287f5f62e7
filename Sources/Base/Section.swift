// Strict reading of configuration: every mistake is collected with its key's path, and each value that is
// read, given or default, is recorded so that the resolved configuration can be written back.

/// Collects mistakes so that all are reported at once.
package final class Problems {
  package private(set) var errors: [UserError] = []
  package init() {}

  package func add(_ error: UserError) { errors.append(error) }
  package func add(_ code: ExitCode, _ what: String, at place: String, hint: String = "") {
    errors.append(UserError(code, what, at: place, hint: hint))
  }

  /// Runs a check and keeps what it throws, instead of stopping at the first.
  package func collect<T>(_ body: () throws -> T) -> T? {
    do {
      return try body()
    } catch let error as UserError {
      add(error)
    } catch let error as UserErrors {
      errors += error.errors
    } catch {
      add(.software, "\(error)", at: "")
    }
    return nil
  }

  package func throwIfAny() throws {
    if !errors.isEmpty { throw errors.count == 1 ? errors[0] : UserErrors(errors) }
  }
}

/// One mapping of keys to values, and what was read from it.
package final class Section {
  package let path: String
  package let problems: Problems
  private let code: ExitCode
  private let file: String?
  private let overrides: [String]
  private let given: [JSON.Member]
  private let paths: UserPaths
  private var order: [String] = []
  /// Keys that were asked for, given or not, in the order of asking.
  private var known: [String] = []
  private var values: [String: JSON] = [:]
  private var sections: [String: Section] = [:]
  private var lists: [String: [Section]] = [:]

  /// - Parameters:
  ///   - path: the keys that lead here, joined by dots; empty at the top.
  ///   - file: the file that messages name; nil where there is none.
  ///   - overrides: paths of keys that do not come from the file but from the command line.
  ///   - code: the exit code that a mistake here leads to.
  ///   - paths: how paths are read.
  package init(
    _ json: JSON?, file: String?, overrides: [String] = [], path: String = "", code: ExitCode,
    paths: UserPaths = UserPaths(), problems: Problems
  ) {
    self.path = path
    self.file = file
    self.paths = paths
    self.overrides = overrides
    self.problems = problems
    self.code = code
    given = json?.members ?? []
    if let json, !json.isNull, json.members == nil {
      problems.add(code, "is \(json.kind), where keys with values are meant", at: place(of: path))
    }
  }

  /// What messages about a key begin with: its file and its path.
  private func place(of path: String) -> String {
    guard let file,
      !overrides.contains(where: { path == $0 || path.hasPrefix($0 + ".") || path.hasPrefix($0 + "[") })
    else {
      return path
    }
    return path.isEmpty ? file : "\(file): \(path)"
  }

  package func keyPath(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

  package func fail(_ key: String, _ what: String, hint: String = "") {
    problems.add(code, what, at: place(of: keyPath(key)), hint: hint)
  }

  /// The same for what is wrong with the keys together.
  package func failWhole(_ what: String, hint: String = "") {
    problems.add(code, what, at: place(of: path), hint: hint)
  }

  /// The value as given; a null counts as absent.
  package func raw(_ key: String) -> JSON? {
    if !known.contains(key) { known.append(key) }
    guard let value = given.first(where: { $0.key.elementsEqual(key.utf8) })?.value, !value.isNull else {
      return nil
    }
    return value
  }

  package func has(_ key: String) -> Bool { raw(key) != nil }

  /// The keys that are given, where any name may be one.
  package var names: [String] { given.map { String(decoding: $0.key, as: UTF8.self) } }

  /// Records what a key resolved to, for `resolved`.
  package func record(_ key: String, _ value: JSON) {
    if !order.contains(key) { order.append(key) }
    if !known.contains(key) { known.append(key) }
    values[key] = value
  }

  package func integer(
    _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int> = Int.min...Int.max
  ) -> Int {
    read(key, fallback.map { .integer($0) }, "a whole number") { json in
      guard let value = json.integer else { return nil }
      guard range.contains(value) else {
        self.fail(key, "is \(value), but must be \(range.words)")
        return fallback ?? value
      }
      return value
    } ?? fallback ?? range.lowerBound
  }

  package func number(
    _ key: String, default fallback: Double? = nil, in range: ClosedRange<Double> = -.infinity ... .infinity
  ) -> Double {
    read(key, fallback.map { .number($0) }, "a number") { json in
      guard let value = json.double else { return nil }
      guard range.contains(value) else {
        self.fail(key, "is \(value), but must be from \(range.lowerBound) to \(range.upperBound)")
        return fallback ?? value
      }
      return value
    } ?? fallback ?? 0
  }

  package func bool(_ key: String, default fallback: Bool) -> Bool {
    read(key, .bool(fallback), "true or false", \.bool) ?? fallback
  }

  package func text(_ key: String, default fallback: String? = nil) -> String {
    read(key, fallback.map { .string($0) }, Self.textKind, \.text) ?? fallback ?? ""
  }

  /// The path of a file or folder; the default, or an empty text, if there is a mistake.
  package func filePath(_ key: String, default fallback: String? = nil) -> String {
    read(key, fallback.map { .string($0) }, Self.textKind) { json in
      guard let text = json.text else { return nil }
      guard let path = self.expanded(text, key) else { return fallback ?? "" }
      self.record(key, self.resolvedPath(text))
      return path
    } ?? fallback ?? ""
  }

  /// A folder of each host: a path, or one that begins with a variable of the environment, which is recorded as it is.
  package func localFolder(_ key: String) -> LocalFolder {
    guard let given = raw(key)?.text, given.hasPrefix("$") else { return LocalFolder(filePath(key)) }
    let folder = LocalFolder(text(key))
    if !folder.isVariable {
      fail(key, "is \(given), which names no variable", hint: "such as $TMPDIR, or ${SCRATCH}/states")
    }
    return folder
  }

  /// One path or a list of them, without the paths that have a mistake.
  package func filePaths(_ key: String) -> [String] {
    let texts = texts(key, default: [])
    if let given = raw(key), !texts.isEmpty {
      record(key, given.elements == nil ? resolvedPath(texts[0]) : .array(texts.map(resolvedPath)))
    }
    return texts.compactMap { expanded($0, key) }
  }

  /// What is recorded for a path: its full form, which means the same wherever it is read.
  private func resolvedPath(_ text: String) -> JSON {
    .string(paths.isShipped(text) ? text : (try? paths.path(text)) ?? text)
  }

  private func expanded(_ text: String, _ key: String) -> String? {
    do { return try paths.path(text) } catch {
      if let error = error as? UserError { fail(key, error.what, hint: error.hint) }
      return nil
    }
  }

  /// One of an enumeration's raw values.
  package func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice
  ) -> Choice where Choice.RawValue == String {
    let names = Choice.allCases.map(\.rawValue)
    return read(key, .string(fallback.rawValue), "one of \(names.joined(separator: ", "))") { json in
      guard let text = json.text else { return nil }
      if let choice = Choice(rawValue: text) { return choice }
      self.fail(
        key, "is \"\(text)\", but must be one of \(names.joined(separator: ", "))",
        hint: nearest(to: text, among: names).map { "did you mean \($0)?" } ?? "")
      return fallback
    } ?? fallback
  }

  /// One text or a list of them.
  package func texts(_ key: String, default fallback: [String]) -> [String] {
    read(key, .array(fallback.map { .string($0) }), "a text or a list of texts") { json in
      if let text = json.text { return [text] }
      guard let elements = json.elements else { return nil }
      let texts = elements.compactMap(\.text)
      return texts.count == elements.count ? texts : nil
    } ?? fallback
  }

  /// A nested mapping; empty if it is absent.
  package func section(_ key: String) -> Section {
    if let known = sections[key] { return known }
    let section = Section(
      raw(key), file: file, overrides: overrides, path: keyPath(key), code: code, paths: paths,
      problems: problems)
    sections[key] = section
    order.append(key)
    return section
  }

  /// A list of mappings, or one mapping; empty if it is absent.
  /// - Parameter name: a text in the list is a mapping that has it under this key; nil where none may stand there.
  package func sectionList(_ key: String, naming name: String? = nil) -> [Section] {
    guard let given = raw(key) else { return [] }
    var elements = given.elements ?? (given.members == nil ? [] : [given])
    if let name {
      elements = (given.text == nil ? elements : [given]).map { element in
        element.text == nil ? element : .object([JSON.Member(key: Array(name.utf8), value: element)])
      }
    }
    if given.elements == nil, given.members == nil, elements.isEmpty {
      fail(key, "is \(given.kind), where a list of keys with values is meant")
    } else if elements.isEmpty {
      fail(key, "is an empty list")
    }
    let list = elements.enumerated().map { index, element in
      Section(
        element, file: file, overrides: overrides, path: "\(keyPath(key))[\(index)]", code: code,
        paths: paths, problems: problems)
    }
    lists[key] = list
    order.append(key)
    return list
  }

  /// What messages call a text.
  private static let textKind = "a text"

  private func read<T>(_ key: String, _ fallback: JSON?, _ kind: String, _ parse: (JSON) -> T?) -> T? {
    guard let json = raw(key) else {
      if let fallback { record(key, fallback) } else { fail(key, "is missing", hint: "give \(kind)") }
      return nil
    }
    record(key, json)
    guard json.text != "" else {
      fail(key, "is empty", hint: code == .usage ? UserPaths.unset : "")
      return nil
    }
    if let value = parse(json) { return value }
    // YAML reads 2026 and true as what they look like.
    let isScalar = json.double != nil || json.bool != nil
    fail(
      key, "is \(json.kind), where \(kind) is meant",
      hint: kind == Self.textKind && isScalar ? #"put it in quotes: \#(keyPath(key))='"…"'"# : "")
    return nil
  }

  /// Reports keys that no code asked for, here and in every section below.
  /// - Parameter owner: whose keys they would be, for messages.
  package func refuseUnknownKeys(of owner: String = "swiftdp") {
    for member in given {
      let key = String(decoding: member.key, as: UTF8.self)
      guard !known.contains(key) else { continue }
      let near = nearest(to: key, among: known)
      fail(
        key, "is not a key of \(owner)",
        hint: near.map { "did you mean \(keyPath($0))?" }
          ?? "the keys here are \(known.joined(separator: ", "))")
    }
    for key in order {
      sections[key]?.refuseUnknownKeys(of: owner)
      for section in lists[key] ?? [] { section.refuseUnknownKeys(of: owner) }
    }
  }

  private func resolved(_ key: String) -> JSON {
    if let list = lists[key] { return .array(list.map(\.resolved)) }
    return sections[key]?.resolved ?? values[key] ?? .null
  }

  /// Everything that was read, in the order of reading.
  package var resolved: JSON {
    .object(
      order.map { key in
        JSON.Member(key: Array(key.utf8), value: resolved(key))
      })
  }
}

extension ClosedRange<Int> {
  /// The bounds in words, such as `at least 1`.
  package var words: String {
    if upperBound == .max { return "at least \(lowerBound)" }
    if lowerBound == .min { return "at most \(upperBound)" }
    return "from \(lowerBound) to \(upperBound)"
  }
}
