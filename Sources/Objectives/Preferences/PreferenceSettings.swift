// What a recipe says of preference tuning.
import Base

package struct PreferenceSettings: Sendable {
  /// A loss of pairs, or of single answers.
  enum Form: Sendable {
    case pairs(PairLoss)
    case labelled(LabelledLoss)
  }

  let form: Form
  let constants: PairConstants
  /// Whether scores are means over the tokens of an answer.
  let takesMeans: Bool
  /// The weight of the better answers' cross-entropy; 0 for none.
  let sftWeight: Double
  let reference: ReferenceUse
  /// The folder of the reference, where it is another model than the run begins with.
  let referenceModel: String?
  let disablesDropout: Bool

  var isOfPairs: Bool { if case .pairs = form { true } else { false } }
  var pairs: PairLoss? { if case .pairs(let loss) = form { loss } else { nil } }

  private static let names = PairLoss.all.map(\.name) + [LabelledLoss.name]

  init(_ section: Section) {
    let name = section.text("loss", default: "dpo")
    let beta = section.number("beta", default: 0.1, in: 1e-6...1e4)
    let loss = PairLoss.all.first { $0.name == name }
    if loss == nil, name != LabelledLoss.name {
      section.fail(
        "loss", "is \(name.quoted), but must be one of \(Self.names.joined(separator: ", "))",
        hint: name == "sigmoid"
          ? "TRL's sigmoid is dpo" : nearest(to: name, among: Self.names).map { "did you mean \($0)?" } ?? "")
    }
    let isLabelled = name == LabelledLoss.name
    let used = loss ?? PairLoss.all[0]

    /// A setting that other losses have.
    func number(
      _ key: String, _ usual: Double, in range: ClosedRange<Double>, isRead: Bool, _ readers: String
    ) -> Double {
      let value = section.number(key, default: usual, in: range)
      if !isRead, value != usual {
        section.fail(key, "is \(value), and loss \(name) has none", hint: readers)
      }
      return value
    }
    let smoothers = PairLoss.all.filter(\.smooths).map(\.name).joined(separator: ", ")
    var smoothing = number(
      "label_smoothing", 0, in: 0...0.5, isRead: !isLabelled && used.smooths, "it belongs to \(smoothers)")
    if smoothing == 0.5, used.name == "robust", !isLabelled {
      section.fail("label_smoothing", "is 0.5, so that labels say nothing", hint: "it must be below 0.5")
      smoothing = 0
    }
    let gamma = number("simpo_gamma", 0.5, in: 0...1e4, isRead: used.name == "simpo", "it belongs to simpo")
    constants = PairConstants(beta: beta, smoothing: smoothing, gamma: gamma)
    let wanted = number("desirable_weight", 1, in: 0...1e6, isRead: isLabelled, "it belongs to kto")
    let unwanted = number("undesirable_weight", 1, in: 0...1e6, isRead: isLabelled, "it belongs to kto")
    form =
      isLabelled
      ? .labelled(LabelledLoss(beta: beta, wantedWeight: wanted, unwantedWeight: unwanted)) : .pairs(used)
    let asksForMeans = section.bool("length_normalised", default: !isLabelled && used.takesMeans)
    if isLabelled, asksForMeans {
      section.fail("length_normalised", "is true, and loss kto sums over the tokens of an answer")
    } else if !isLabelled, used.takesMeans, !asksForMeans {
      section.fail("length_normalised", "is false, and loss \(name) takes means over the tokens of an answer")
    }
    takesMeans = asksForMeans
    sftWeight = number(
      "sft_weight", isLabelled ? 0 : used.sftWeight, in: 0...1e4, isRead: !isLabelled,
      "kto has no better answers")
    disablesDropout = section.bool("disable_dropout", default: true)
    (reference, referenceModel) = Self.reference(
      section, name, isUsed: isLabelled || used.usesReference)
  }

  private enum Reference: String, CaseIterable { case frozen, none, ema }

  private static func reference(
    _ section: Section, _ loss: String, isUsed: Bool
  ) -> (ReferenceUse, String?) {
    let reference: Reference = section.choice("reference", default: isUsed ? .frozen : .none)
    if !isUsed, reference != .none {
      section.fail(
        "reference", "is \(reference.rawValue), and loss \(loss) compares with none", hint: "leave it out")
    }
    let isFollowing = reference == .ema
    let precomputes = section.bool("precompute_reference", default: !isFollowing)
    if isFollowing, precomputes {
      section.fail(
        "precompute_reference", "is true, and a reference that moves cannot be computed before",
        hint: "leave it out")
    }
    let share = section.number("ref_model_mixup_alpha", default: 0.6, in: 0...1)
    let steps = section.integer("ref_model_sync_steps", default: 512, in: 1...1 << 40)
    for key in ["ref_model_mixup_alpha", "ref_model_sync_steps"] where section.has(key) && !isFollowing {
      section.fail(key, "is for a reference that moves", hint: "set reference=ema, or leave it out")
    }
    var folder: String?
    if section.has("reference_model") {
      let path = section.filePath("reference_model")
      if reference != .frozen {
        section.fail(
          "reference_model", "is given, and reference is \(reference.rawValue)", hint: "leave one of them out"
        )
      } else if !path.isEmpty, let mistake = UserError.noModelFolder(path) {
        section.fail("reference_model", mistake.what, hint: mistake.hint)
      }
      folder = path
    }
    let use: ReferenceUse =
      switch reference {
      case .none: .none
      case .frozen: precomputes ? .precomputed : .asked
      case .ema: .following(share: share, steps: steps)
      }
    return (isUsed ? use : .none, folder)
  }

  /// What decides results.
  var json: JSON {
    let (name, weights): (String, [Double]) =
      switch form {
      case .pairs(let loss): (loss.name, [1, 1])
      case .labelled(let loss): (LabelledLoss.name, [loss.wantedWeight, loss.unwantedWeight])
      }
    return .object([
      "loss": .string(name), "beta": .number(constants.beta), "label_smoothing": .number(constants.smoothing),
      "simpo_gamma": .number(constants.gamma), "length_normalised": .bool(takesMeans),
      "sft_weight": .number(sftWeight), "desirable_weight": .number(weights[0]),
      "undesirable_weight": .number(weights[1]), "disable_dropout": .bool(disablesDropout),
      "reference": .string("\(reference)"), "reference_model": referenceModel.map { .string($0) } ?? .null,
    ])
  }
}
