// Several tasks under one name, whose numbers are put together: `group` of lm-evaluation-harness.
import Base

package struct GroupDefinition: Sendable {
  package let name: String
  package let alias: String
  /// The names of tasks and groups in it.
  package internal(set) var members: [String]
  let version: JSON
  let aggregates: [GroupAggregate]
  let config: JSON

  /// - Returns: the group without its members, and what they are called in the file.
  static func read(_ file: TaskFile) throws -> (group: GroupDefinition, members: [JSON]) {
    let problems = Problems()
    let keys = Section(file.json, file: file.file, code: .usage, problems: problems)
    let name = keys.text("group")
    let given = keys.raw("task")
    let members = given.map { $0.elements ?? [$0] } ?? []
    if members.isEmpty { keys.fail("task", "names no tasks") }
    let aggregates =
      keys.has("aggregate_metric_list")
      ? keys.sectionList("aggregate_metric_list").map { GroupAggregate($0) } : []
    let group = GroupDefinition(
      name: name, alias: keys.plainText("group_alias") ?? name, members: [],
      version: keys.raw("metadata")?["version"] ?? .string("N/A"), aggregates: aggregates, config: file.json)
    _ = keys.raw("tag")
    keys.refuseUnknownKeys(of: "a group file")
    try problems.throwIfAny()
    return (group, members)
  }
}

/// A metric that is the mean over the tasks of a group.
struct GroupAggregate: Sendable {
  let metric: String
  /// nil for those that the tasks have.
  let filters: [String]?
  let isWeighted: Bool

  init(_ keys: Section) {
    metric = keys.text("metric")
    isWeighted = keys.bool("weight_by_size", default: true)
    filters = keys.has("filter_list") ? keys.texts("filter_list", default: []) : nil
    if let aggregation = keys.raw("aggregation"), aggregation.text != "mean" {
      keys.fail("aggregation", "is \(aggregation.text?.quoted ?? aggregation.kind)", hint: "there is mean")
    }
  }
}
