// head_config.json of AdapterHub's `adapters`: the head beside an adapter, with its weights in a file of its own.
import Adapters
import Base
import Foundation
import Models

struct HubHead {
  static let fileName = "head_config.json"

  let kind: Head.Kind?
  /// In the order of their numbers; empty where the file names none.
  let labels: [String]

  /// - Returns: nil if the folder has no head.
  /// - Throws: where it is of a kind that models of transformers do not have.
  init?(folder: String) throws {
    let file = folder + "/" + Self.fileName
    guard access(file, F_OK) == 0 else { return nil }
    let config = try OpenFile.json(file)
    let name = config["model_class"]?.text ?? ""
    guard config["config"]?.isNull ?? true else {
      throw UserError(
        .data, "is the head of a \(name), which transformers does not have", at: file,
        hint: "load the adapter with AutoModelForSequenceClassification or the like and adapters.init")
    }
    kind = Head.Kind.allCases.first { $0 != .none && name.hasSuffix($0.rawValue) }
    labels = (config["label2id"]?.members ?? []).sorted {
      ($0.value.integer ?? -1) < ($1.value.integer ?? -1)
    }.map { String(decoding: $0.key, as: UTF8.self) }
  }

  /// The file as `adapters` writes it for a model of transformers.
  /// - Parameter adapter: the adapter's own configuration.
  static func config(of description: ModelDescription, adapter: JSON) -> JSON {
    let shared = ["hidden_size", "model_class", "model_name", "model_type", "version"]
    var members = [("config", JSON.null), ("name", .null)] + shared.map { ($0, adapter[$0] ?? .null) }
    if let labels = description.head.labels {
      let numbers = labels.enumerated().map { ($0.element, JSON.integer($0.offset)) }
      members += [("label2id", .object(members: numbers)), ("num_labels", .integer(labels.count))]
    }
    return .object(members: members)
  }
}
