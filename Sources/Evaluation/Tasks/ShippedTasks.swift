// The tasks that ship with swiftdp: one file each in Shipped, and MMLU's subjects.
import Base

enum ShippedTasks {
  private static let files: [(name: String, source: [UInt8])] = [
    ("arc_challenge", PackageResources.arc_challenge_yaml), ("arc_easy", PackageResources.arc_easy_yaml),
    ("boolq", PackageResources.boolq_yaml), ("copa", PackageResources.copa_yaml),
    ("gsm8k", PackageResources.gsm8k_yaml), ("hellaswag", PackageResources.hellaswag_yaml),
    ("lambada_openai", PackageResources.lambada_openai_yaml),
    ("openbookqa", PackageResources.openbookqa_yaml), ("piqa", PackageResources.piqa_yaml),
    ("truthfulqa_gen", PackageResources.truthfulqa_gen_yaml),
    ("truthfulqa_mc1", PackageResources.truthfulqa_mc1_yaml),
    ("truthfulqa_mc2", PackageResources.truthfulqa_mc2_yaml), ("wikitext", PackageResources.wikitext_yaml),
    ("winogrande", PackageResources.winogrande_yaml),
  ]

  /// What messages list.
  static let shown = files.map(\.name) + ["mmlu", "mmlu_macro"]

  /// Names and tags.
  static var names: [String] { shown + ["truthfulqa", "ai2_arc"] + MMLU.groups.map(\.name) + MMLU.tasks }

  /// The files of a task, a group or a tag; none if there is no such name.
  static func files(_ name: String) throws -> [TaskFile] {
    if let found = files.first(where: { $0.name == name }) {
      return [try TaskFile(shipped: found.source, name: "shipped task \(name)")]
    }
    if let file = try MMLU.file(name) { return [file] }
    return try files.map { try TaskFile(shipped: $0.source, name: "shipped task \($0.name)") }
      .filter { $0.has(tag: name) }
  }
}
