// MMLU (Hendrycks et al. 2021): a task for each of 57 subjects, in four groups, in one.
import Base

enum MMLU {
  static let groups: [(name: String, alias: String, subjects: [String])] = [
    (
      "mmlu_stem", "stem",
      [
        "abstract_algebra", "anatomy", "astronomy", "college_biology", "college_chemistry",
        "college_computer_science", "college_mathematics", "college_physics", "computer_security",
        "conceptual_physics", "electrical_engineering", "elementary_mathematics", "high_school_biology",
        "high_school_chemistry", "high_school_computer_science", "high_school_mathematics",
        "high_school_physics", "high_school_statistics", "machine_learning",
      ]
    ),
    (
      "mmlu_other", "other",
      [
        "business_ethics", "clinical_knowledge", "college_medicine", "global_facts", "human_aging",
        "management", "marketing", "medical_genetics", "miscellaneous", "nutrition",
        "professional_accounting", "professional_medicine", "virology",
      ]
    ),
    (
      "mmlu_social_sciences", "social sciences",
      [
        "econometrics", "high_school_geography", "high_school_government_and_politics",
        "high_school_macroeconomics", "high_school_microeconomics", "high_school_psychology",
        "human_sexuality", "professional_psychology", "public_relations", "security_studies", "sociology",
        "us_foreign_policy",
      ]
    ),
    (
      "mmlu_humanities", "humanities",
      [
        "formal_logic", "high_school_european_history", "high_school_us_history",
        "high_school_world_history", "international_law", "jurisprudence", "logical_fallacies",
        "moral_disputes", "moral_scenarios", "philosophy", "prehistory", "professional_law",
        "world_religions",
      ]
    ),
  ]

  static var tasks: [String] { groups.flatMap(\.subjects).map { "mmlu_\($0)" } }

  /// The file of the whole, weighted by questions or by subjects (`mmlu_macro`), of a group or of a subject; nil for other names.
  static func file(_ name: String) throws -> TaskFile? {
    if name == "mmlu" { return group(name, alias: nil, groups.map(\.name)) }
    if name == "mmlu_macro" { return group(name, alias: nil, tasks, isWeighted: false) }
    if let found = groups.first(where: { $0.name == name }) {
      return group(name, alias: found.alias, found.subjects.map { "mmlu_\($0)" })
    }
    guard tasks.contains(name) else { return nil }
    return try subject(String(name.dropFirst(5)))
  }

  private static func group(
    _ name: String, alias: String?, _ members: [String], isWeighted: Bool = true
  ) -> TaskFile {
    var keys: [(String, JSON)] = [("group", .string(name))]
    if let alias { keys.append(("group_alias", .string(alias))) }
    keys += [
      ("task", .array(members.map { .string($0) })),
      (
        "aggregate_metric_list",
        .array([.object(["metric": .string("acc"), "weight_by_size": .bool(isWeighted)])])
      ),
      ("metadata", .object(["version": .integer(2)])),
    ]
    return TaskFile(json: .object(members: keys), file: "shipped group \(name)", folder: nil)
  }

  private static func subject(_ subject: String) throws -> TaskFile {
    let words = subject.replacing("_", with: " ")
    let text = "The following are multiple choice questions (with answers) about \(words).\n\n"
    let groupName = groups.first { $0.subjects.contains(subject) }?.name ?? "mmlu"
    func files(_ split: String) -> JSON {
      .array(
        [
          "mmlu_\(split)*.jsonl", "\(subject)/\(split)-*.parquet", "mmlu/\(subject)/\(split)-*.parquet",
        ].map { .string($0) })
    }
    let file = try TaskFile(shipped: PackageResources.mmlu_subject_yaml, name: "shipped task mmlu_\(subject)")
    return file.setting(
      JSON.object([
        "task": .string("mmlu_\(subject)"), "task_alias": .string(words),
        "tag": .string("\(groupName)_tasks"), "dataset_name": .string(subject), "description": .string(text),
        "swiftdp_files": .object([
          "test": files("test"), "dev": files("dev"),
          "only": .object(["column": .string("subject"), "value": .string(subject)]),
        ]),
      ]).members ?? [])
  }
}
