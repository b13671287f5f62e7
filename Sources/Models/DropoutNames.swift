// Where dropout stands in config.json of each family.
import Base

/// What of a model is dropped in training.
package enum DroppedPart: String, CaseIterable, Sendable {
  /// Of the weights of attention.
  case attention
  /// Of what the parts of a layer add.
  case residual
  /// Of what the first layer reads.
  case embedding
}

extension DroppedPart {
  /// The key of config.json for each family; a family that is absent has none. One key may stand for several parts.
  private var keys: [String: String] {
    switch self {
    case .attention:
      [
        "gpt2": "attn_pdrop", "bert": "attention_probs_dropout_prob",
        "roberta": "attention_probs_dropout_prob", "xlm-roberta": "attention_probs_dropout_prob",
        "electra": "attention_probs_dropout_prob", "deberta-v2": "attention_probs_dropout_prob",
        "t5": "dropout_rate", "mt5": "dropout_rate",
      ]
    case .residual:
      [
        "gpt2": "resid_pdrop", "phi3": "resid_pdrop", "bert": "hidden_dropout_prob",
        "roberta": "hidden_dropout_prob", "xlm-roberta": "hidden_dropout_prob",
        "electra": "hidden_dropout_prob", "deberta-v2": "hidden_dropout_prob", "distilbert": "dropout",
        "modernbert": "mlp_dropout", "opt": "dropout", "bart": "dropout", "t5": "dropout_rate",
        "mt5": "dropout_rate", "gpt_neox": "hidden_dropout",
      ]
    case .embedding:
      [
        "gpt2": "embd_pdrop", "bert": "hidden_dropout_prob", "roberta": "hidden_dropout_prob",
        "xlm-roberta": "hidden_dropout_prob", "electra": "hidden_dropout_prob",
        "deberta-v2": "hidden_dropout_prob", "distilbert": "dropout", "modernbert": "embedding_dropout",
        "bart": "dropout", "t5": "dropout_rate", "mt5": "dropout_rate", "gpt_neox": "hidden_dropout",
      ]
    }
  }

  /// The key in the config.json of a family; nil where it has none.
  package func key(of family: String) -> String? {
    // Families without a name of their own have Llama's.
    self == .attention ? keys[family] ?? "attention_dropout" : keys[family]
  }
}

extension ModelDescription {
  /// The same model with other dropout, which its config.json then has.
  /// - Parameter place: what messages name.
  /// - Throws: every part that the family has no dropout for, and parts that share a key and differ.
  package func dropping(_ parts: [DroppedPart: Double], at place: String) throws -> ModelDescription {
    let problems = Problems()
    var settings: [(key: String, value: JSON)] = []
    for part in DroppedPart.allCases {
      guard let probability = parts[part] else { continue }
      guard let key = part.key(of: typeName) else {
        let others = DroppedPart.allCases.filter { $0.key(of: typeName) != nil }.map(\.rawValue)
        problems.add(
          .usage, "is given, and models of type \(typeName) have no such dropout", at: "\(place).\(part)",
          hint: "they have \(others.joined(separator: " and "))")
        continue
      }
      if let known = settings.first(where: { $0.key == key }) {
        if known.value.double != probability {
          problems.add(
            .usage,
            "is another than the part before, and models of type \(typeName) have one for both (\(key))",
            at: "\(place).\(part)", hint: "give one of them")
        }
        continue
      }
      settings.append((key, .number(probability)))
    }
    try problems.throwIfAny()
    return try settings.isEmpty ? self : overriding(settings)
  }
}
