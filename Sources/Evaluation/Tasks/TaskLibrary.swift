// Finds tasks by their names: files of the user, and tasks that swiftdp ships.
import Base
import Foundation

/// Tasks and groups that were asked for.
package struct TaskSet: Sendable {
  /// In the order in which they are run.
  package private(set) var tasks: [TaskDefinition] = []
  /// Groups, members before those that hold them.
  package private(set) var groups: [GroupDefinition] = []

  /// - Parameter names: names of shipped tasks and groups, and files of tasks and groups.
  /// - Throws: every mistake at once.
  package init(_ names: [String]) throws {
    let problems = Problems()
    for name in names {
      problems.collect { _ = try add(name, folder: nil, depth: 0) }
    }
    if names.isEmpty { problems.add(.usage, "names no task", at: "--tasks") }
    try problems.throwIfAny()
  }

  /// - Parameter files: of tasks.
  init(files: [TaskFile]) throws {
    let problems = Problems()
    for file in files { problems.collect { _ = try add(file, depth: 0) } }
    try problems.throwIfAny()
  }

  private static let deepest = 16
  private static let most = 2000

  /// - Parameter folder: of the file that names it; nil for the command line.
  /// - Returns: the names of what was added: several for a tag.
  private mutating func add(_ name: String, folder: String?, depth: Int) throws -> [String] {
    guard depth < Self.deepest else { throw UserError(.usage, "is nested too deeply", at: "group \(name)") }
    if TaskNames.isFile(name) {
      let path = folder.map { name.hasPrefix("/") ? name : $0 + "/" + name } ?? name
      return [try add(try TaskFile(path), depth: depth)]
    }
    if let folder {
      let path = "\(folder)/\(name).yaml"
      if UserError.noFile(path) == nil { return [try add(try TaskFile(path), depth: depth)] }
      let found = TaskNames.files(named: name, in: folder)
      if !found.isEmpty { return try found.map { try add($0, depth: depth) } }
    }
    let shipped = try ShippedTasks.files(name)
    guard !shipped.isEmpty else {
      let names = ShippedTasks.names
      throw UserError(
        .usage, "there is no task \(name.quoted)", at: "--tasks",
        hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
          ?? "give a .yaml file, or one of \(ShippedTasks.shown.joined(separator: ", "))")
    }
    return try shipped.map { try add($0, depth: depth) }
  }

  private mutating func add(_ file: TaskFile, depth: Int) throws -> String {
    guard file.isGroup else {
      let task = try TaskDefinition(file)
      if let known = tasks.first(where: { $0.name == task.name }) {
        guard known.config == task.config else {
          throw UserError(
            .usage, "is the name of two tasks", at: "task \(task.name)",
            hint: "they differ: \(known.file), \(task.file)")
        }
      } else {
        guard tasks.count < Self.most else {
          throw UserError(.usage, "names more than \(Self.most) tasks", at: "--tasks")
        }
        tasks.append(task)
      }
      return task.name
    }
    var (group, members) = try GroupDefinition.read(file)
    if groups.contains(where: { $0.name == group.name }) { return group.name }
    for member in members {
      if let name = member.text {
        group.members += try add(name, folder: file.folder, depth: depth + 1)
      } else if member.members != nil, member["group"] != nil {
        group.members.append(
          try add(TaskFile(json: member, file: file.file, folder: file.folder), depth: depth + 1))
      } else if let name = member["task"]?.text, let settings = member.members {
        group.members.append(try add(name, settings, in: file, depth: depth))
      } else {
        throw UserError(.usage, "is \(member.kind), where a task is meant", at: "\(file.file): task")
      }
    }
    groups.append(group)
    return group.name
  }

  /// A task with other settings in a group; a whole one where it says what is asked.
  private mutating func add(
    _ name: String, _ settings: [JSON.Member], in file: TaskFile, depth: Int
  ) throws -> String {
    if settings.contains(where: { $0.key.elementsEqual("dataset_path".utf8) }) {
      return try add(TaskFile(json: .object(settings), file: file.file, folder: file.folder), depth: depth)
    }
    let rest = settings.filter { !$0.key.elementsEqual("task".utf8) }
    var base: TaskFile?
    if let folder = file.folder {
      base = UserError.noFile("\(folder)/\(name).yaml") == nil ? try TaskFile("\(folder)/\(name).yaml") : nil
      base = base ?? TaskNames.files(named: name, in: folder).first
    }
    guard let base = try base ?? ShippedTasks.files(name).first else {
      throw UserError(.usage, "there is no task \(name.quoted)", at: "\(file.file): task")
    }
    return try add(base.setting(rest), depth: depth)
  }

  /// The tasks in a group, at any depth.
  package func leaves(of group: GroupDefinition) -> [String] {
    group.members.flatMap { name in groups.first { $0.name == name }.map { leaves(of: $0) } ?? [name] }
  }

  /// Whether a group is not part of another one.
  func isRoot(_ group: GroupDefinition) -> Bool { !groups.contains { $0.members.contains(group.name) } }
}

enum TaskNames {
  static func isFile(_ name: String) -> Bool {
    name.contains("/") || name.hasSuffix(".yaml") || name.hasSuffix(".yml")
  }

  /// Files of a folder whose task has that name or that tag.
  static func files(named name: String, in folder: String) -> [TaskFile] {
    let all = ((try? Base.names(inFolder: folder)) ?? []).filter {
      $0.hasSuffix(".yaml") || $0.hasSuffix(".yml")
    }.sorted()
    guard all.count <= 2000 else { return [] }
    let files = all.compactMap { try? TaskFile(folder + "/" + $0) }
    let named = files.filter { $0.json[$0.isGroup ? "group" : "task"]?.text == name }
    return named.isEmpty ? files.filter { !$0.isGroup && $0.has(tag: name) } : named
  }
}

extension TaskFile {
  func has(tag: String) -> Bool {
    json["tag"]?.text == tag || json["tag"]?.elements?.contains { $0.text == tag } == true
  }
}
