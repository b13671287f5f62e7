// Where the rows of a task are: local files, or the files of a data set in the folder of `--data`.
import Base
import Foundation

struct TaskData: Sendable {
  /// What the file calls the data set.
  let path: String
  let name: String?
  /// `data_files` by split; empty where the task names a data set.
  let files: [String: [String]]
  /// Names and patterns of files by split, as the set was published, in the folder of `--data`.
  let known: [String: [String]]
  /// A column and its value that rows must have, where such a file holds several sets.
  let only: (column: String, value: String)?

  /// Builders of the datasets package that read files.
  static let builders = ["json", "csv", "parquet", "text"]

  /// - Parameter folder: of the task file.
  init(_ keys: Section, folder: String?) {
    path = keys.text("dataset_path")
    name = keys.plainText("dataset_name")
    let options = keys.section("dataset_kwargs")
    for key in ["trust_remote_code", "cache_dir"] { _ = options.raw(key) }
    var files: [String: [String]] = [:]
    if let given = options.raw("data_files") {
      for (split, value) in given.members.map({
        $0.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }
      })
        ?? [("train", given)]
      {
        let names = value.text.map { [$0] } ?? value.elements?.compactMap(\.text) ?? []
        if names.isEmpty { options.fail("data_files", "is \(value.kind), where files are meant") }
        files[split] = names
      }
      if !Self.builders.contains(path) {
        options.fail("data_files", "goes with dataset_path \(Self.builders.joined(separator: ", "))")
      }
    } else if Self.builders.contains(path) {
      options.fail("data_files", "is missing", hint: "name the local files of each split")
    }
    self.files = files
    let own = keys.section("swiftdp_files")
    known = Dictionary(
      uniqueKeysWithValues: own.names.filter { $0 != "only" }.map { ($0, own.texts($0, default: [])) })
    if own.has("only") {
      let part = own.section("only")
      only = (part.text("column"), part.text("value"))
    } else {
      only = nil
    }
  }

  /// The files of a split.
  /// - Parameter data: the folder of `--data`; nil without one.
  /// - Throws: where there are none, with the places that were looked at.
  func files(of split: String, data: String?, task: String) throws -> [String] {
    if !files.isEmpty {
      guard let names = files[split] else {
        throw UserError(
          .usage, "has no split \(split.quoted)", at: "task \(task)",
          hint: "data_files has \(files.keys.sorted().joined(separator: ", "))")
      }
      return try names.flatMap { try DataFolder.matching($0) }
    }
    guard let data else {
      throw UserError(
        .usage, "reads the data set \(path.quoted)", at: "task \(task)",
        hint: "give the folder of its files: --data DIR")
    }
    let wanted = known[split] ?? []
    if let found = DataFolder.known(wanted, in: data) { return found }
    if let found = DataFolder.hub(path, name, split: split, in: data) { return found }
    let hint = wanted.isEmpty ? "\(split)*.parquet or \(split).jsonl" : wanted.joined(separator: ", ")
    throw UserError(
      .usage, "finds no files of the split \(split.quoted) of \(path) in \(data)", at: "task \(task)",
      hint: "looked for \(hint), also in folders such as \(path.split(separator: "/").last ?? "")")
  }
}

/// Files of data sets in a folder.
enum DataFolder {
  /// The files that a name or a pattern means, in the order of their bytes.
  static func matching(_ name: String) throws -> [String] {
    if let found = glob(name) { return found }
    throw UserError(.usage, "there is no file \(name)", at: "data_files")
  }

  private static func glob(_ pattern: String) -> [String]? {
    if !pattern.contains(where: { "*?[".contains($0) }) {
      return UserError.noFile(pattern) == nil ? [pattern] : nil
    }
    var found = glob_t()
    defer { globfree(&found) }
    guard Foundation.glob(pattern, GLOB_NOSORT, nil, &found) == 0 else { return nil }
    let paths = (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
      .filter { UserError.noFile($0) == nil }
    return paths.isEmpty ? nil : paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The first of several patterns that files match.
  static func known(_ patterns: [String], in folder: String) -> [String]? {
    for pattern in patterns {
      if let found = glob(folder + "/" + pattern) { return found }
    }
    return nil
  }

  /// The files of a data set of the hub as its repository holds them, or as they were saved by split.
  static func hub(_ path: String, _ name: String?, split: String, in data: String) -> [String]? {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    let folders = ["\(data)/\(path)", "\(data)/\(last)", data]
    let names = [name.map { "/\($0)" }, "", "/data"].compactMap { $0 }
    // Some sets call their splits by other names in files.
    let splits = [split] + (split == "validation" ? ["valid", "val", "dev"] : [])
    for folder in folders {
      for name in names {
        for split in splits {
          for form in [
            "\(split)-[0-9]*.parquet", "\(split).parquet", "\(split)-*.parquet", "\(split).jsonl",
            "\(split).json",
            "\(split).csv", "\(split).tsv",
          ] {
            if let found = glob("\(folder)\(name)/\(form)") { return found }
          }
        }
      }
    }
    return nil
  }
}
