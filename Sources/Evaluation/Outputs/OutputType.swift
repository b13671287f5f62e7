// What a model is asked for each row, and how its answer counts: one kind of `output_type` per file.
import Base

/// One thing that a model is asked.
struct Request: Sendable {
  enum Kind: Sendable {
    /// How likely the second text is behind the first.
    case likelihood(context: [UInt8], continuation: [UInt8])
    /// How likely a text is as a whole.
    case rolling([UInt8])
    case generation(context: [UInt8])
  }
  var kind: Kind

  /// What the harness logs first of its arguments.
  var prompt: [UInt8] {
    switch kind {
    case .likelihood(let context, _), .generation(let context): context
    case .rolling(let text): text
    }
  }
}

/// A row that is to be answered.
struct Item: Sendable {
  var doc: JSON
  /// What the row's column or template gives; see `DocField`.
  var target: JSON
  /// The texts to choose from; empty where there are none.
  var choices: [[UInt8]] = []
  /// Where the choices are what stands before one text, the number of the right one.
  var rightInput: Int?
  /// One for each choice, with the examples before it, or only one.
  var contexts: [[UInt8]] = []
}

/// How a model's answers to the requests of a row, through a filter, count.
typealias RowMetrics = [(name: String, value: JSON)]

protocol OutputType: Sendable {
  static var name: String { get }
  /// Metrics that a task may name.
  static var metrics: [String] { get }
  static var usualMetrics: [String] { get }
  init()
  /// Adds mistakes of a task file that does not fit.
  func check(_ task: TaskDefinition, _ keys: Section)
  func requests(_ item: Item, _ task: TaskDefinition, isChat: Bool) throws -> [Request]
  /// - Parameter answers: for each request what its filter gives: [log-likelihood, whether it is the likeliest text], a
  ///   log-likelihood, a text, or a list of texts.
  func score(_ item: Item, _ answers: [JSON], _ task: TaskDefinition) throws -> RowMetrics
}

enum OutputTypes {
  static let all: [any OutputType.Type] = [
    MultipleChoice.self, LogLikelihood.self, RollingLogLikelihood.self, GenerateUntil.self,
  ]
}

extension TaskDefinition {
  func has(_ metric: String) -> Bool { metrics.contains { $0.name == metric } }

  func mistake(_ what: String, hint: String = "") -> UserError {
    UserError(.data, what, at: "task \(name)", hint: hint)
  }
}

extension JSON {
  /// A whole number, as Python takes truth values for it too.
  var index: Int? {
    if let bool { return bool ? 1 : 0 }
    if case .integer(let value) = self { return value }
    return nil
  }
}
