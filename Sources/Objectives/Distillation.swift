// Learning the predictions of a larger model beside the data (Hinton et al. 2015):
//
//   (1 − α) · cross-entropy + α T² · KL(teacher ‖ student at temperature T)
import Base
import Graph
import Kernels
import Models

package struct Distillation: Objective {
  package static let name = "distil"
  package static let unit = LossUnit.targetTokens
  /// The folder of the teacher.
  package let teacher: String
  /// α and T.
  private let alpha: Double
  private let temperature: Double
  private let divergence: Divergence
  /// β of jsd.
  private let beta: Double
  /// What the student writes itself; nil where it learns rows as they are.
  package let onPolicy: OnPolicy?

  package init(_ settings: Section) {
    teacher = settings.filePath("teacher")
    if !teacher.isEmpty, let mistake = UserError.noModelFolder(teacher) {
      settings.fail("teacher", mistake.what, hint: mistake.hint)
    }
    alpha = settings.number("alpha", default: 0.5, in: 0...1)
    divergence = settings.choice("loss", default: .kl)
    beta = settings.number("beta", default: 0.5, in: 0.01...0.99)
    if divergence != .jsd, settings.has("beta") {
      settings.fail("beta", "is given, and loss \(divergence.rawValue) has none", hint: "set loss: jsd")
    }
    onPolicy = OnPolicy(settings)
    temperature = settings.number("temperature", default: 2, in: 0.01...100)
    if isPlain, settings.has("temperature") {
      settings.fail(
        "temperature", "is given, and loss \(divergence.rawValue) compares numbers as they are",
        hint: "leave it out")
    }
  }

  /// Whether numbers are compared as they are, at no temperature.
  private var isPlain: Bool { divergence == .mse || divergence == .hidden }

  package init?(evaluating model: ModelDescription) { nil }

  package var head: Head { .languageModel }
  package var referenceModel: String? { teacher }

  /// How predictions are compared with the teacher's.
  package var softTargets: SoftTargetShape {
    let scale = isPlain ? 1 : temperature * temperature
    return SoftTargetShape(
      hard: Float(1 - alpha), strength: Float(alpha * scale),
      temperature: isPlain ? 1 : Float(temperature),
      divergence: divergence, beta: Float(beta), role: .loss)
  }

  package var settings: JSON? {
    .object(
      members: [
        ("name", .string(Self.name)), ("alpha", .number(alpha)), ("loss", .string(divergence.rawValue)),
        ("temperature", .number(temperature)),
      ] + (divergence == .jsd ? [("beta", .number(beta))] : [])
        + (onPolicy.map { [("on_policy", $0.settings)] } ?? []))
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    _ = head.record(hidden, of: model.family, on: graph)
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] { LanguageModel().scalars(of: evaluated) }
  package var mistakeOutputs: OutputForm { .perToken }
  package func mistakes(of evaluated: Evaluated) -> [Mistake] { evaluated.highestLosses(ofNext: true) }
}
