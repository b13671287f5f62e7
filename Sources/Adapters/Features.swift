// Only a head is trained, on what the rest of the model gives for each sample, which is computed once before the first
// step: the feature-based way of fine-tuning.
import Base
import Graph

package struct Features: Method {
  package static let name = "features"

  /// What is trained.
  package enum HeadForm: String, CaseIterable, Sendable {
    /// The last projection.
    case linear
    /// All layers of the model's own head.
    case mlp
    /// The last projection, fitted to all samples at once.
    case logistic
  }

  /// Where features are kept.
  package enum Place: String, CaseIterable, Sendable {
    case memory
    case disk
  }

  /// Nil for the last projection, or all layers where others begin at random.
  private let given: HeadForm?
  package let place: Place
  /// Of a logistic regression.
  package let regression: LogisticSettings

  package init(_ settings: Section) {
    given = settings.has("head") ? settings.choice("head", default: HeadForm.linear) : nil
    place = settings.choice("keep", default: .memory)
    regression = LogisticSettings(
      inverseStrength: settings.number("C", default: 1, in: 1e-12...1e12),
      mostIterations: settings.integer("max_iter", default: 100, in: 1...1_000_000),
      tolerance: settings.number("tol", default: 1e-4, in: 0...1))
    for key in ["C", "max_iter", "tol"] where given != .logistic && settings.has(key) {
      settings.fail(key, "is set, and the head is not logistic", hint: "set method.head=logistic")
    }
  }

  package var isRegression: Bool { given == .logistic }

  package var settings: JSON {
    let head = given.map { [("head", JSON.string($0.rawValue))] } ?? []
    let rest: [(String, JSON)] =
      isRegression
      ? [("C", .number(regression.inverseStrength)), ("tol", .number(regression.tolerance))] : []
    return .object(members: [("name", .string(Self.name))] + head + rest)
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let last = model.module(of: model.outputEmbedding)
    guard !model.isTied else {
      throw UserError(
        .usage, "is features, and the head of this model is its input embedding", at: "method",
        hint: "give the model labels to learn (task), or set method=last_layers")
    }
    let names = model.parameters.map(\.name)
    let projection = names.filter { model.module(of: $0) == last }
    let layers = model.parameters.filter(\.isHead).map(\.name)
    guard !projection.isEmpty else {
      throw UserError(
        .usage, "is features, and this task has no head that could be trained", at: "method",
        hint: "set method=last_layers")
    }
    let others = model.newParameters.subtracting(projection).sorted()
    let form = given ?? (others.isEmpty ? .linear : .mlp)
    if form == .mlp, Set(layers).subtracting(projection).isEmpty {
      throw UserError(
        .usage, "is mlp, and the head of this model is one projection", at: "method.head",
        hint: "set method.head=linear")
    }
    if form != .mlp, let first = others.first {
      throw UserError(
        .usage, "is \(form.rawValue), and \(first) begins at random", at: "method.head",
        hint: "set method.head=mlp")
    }
    return PartialTraining(trained: Set(form == .mlp ? layers + projection : projection))
  }
}

/// What scikit-learn's `LogisticRegression` is given, with its defaults.
package struct LogisticSettings: Sendable {
  /// `C`: the inverse of the strength of the penalty on squared weights.
  package var inverseStrength: Double
  /// `max_iter`
  package var mostIterations: Int
  /// `tol`: the largest part of the gradient at which the fit is done.
  package var tolerance: Double
}
