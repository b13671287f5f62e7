// A program in two parts: the trunk, of which nothing is trained and which gives the same for a sample each time, and
// the head, which reads what the trunk has left.

/// Which part of a record a program runs.
package enum ProgramPart: Sendable {
  case whole
  /// What is not trained, up to the features.
  case trunk
  /// What is trained, and what it is needed for, on features that the batch brings.
  case head
}

/// What a trunk leaves of a sample.
package struct FeatureForm: Sendable, Equatable {
  /// Numbers of a row of features.
  package var width: Int
  /// Whether each token has a row, or each sequence.
  package var isPerToken: Bool
}

extension Graph {
  /// What everything that is trained reads of what is not; nil if that is not one row for each sequence or token.
  package var featureForm: FeatureForm? {
    guard let features = record.features, shape.length > 1 else { return nil }
    let forms = [
      FeatureForm(width: features.columns, isPerToken: true): shape.rows,
      FeatureForm(width: features.columns, isPerToken: false): shape.sequences,
    ]
    return forms.first { $0.value == features.rows }?.key
  }
}

extension FeatureForm: Hashable {}

extension Record {
  /// Whether each operation depends on something that is trained; the loss, which is the last, always does.
  private var isOfHead: [Bool] {
    nodes.indices.map { $0 == nodes.count - 1 || nodes[$0].outputs.contains(where: \.needsGradient) }
  }

  /// The one value that operations of the head read and do not make.
  var features: Value? {
    let isOfHead = isOfHead
    let made = Set(nodes.indices.filter { isOfHead[$0] }.flatMap { nodes[$0].outputs })
    let read = Set(nodes.indices.filter { isOfHead[$0] }.flatMap { nodes[$0].inputs }).subtracting(made)
    return read.count == 1 ? read.first : nil
  }

  func part(_ part: ProgramPart) -> Record {
    guard part != .whole else { return self }
    guard let features else { preconditionFailure("the head reads several values of the trunk") }
    var result = self
    switch part {
    case .whole: break
    case .trunk:
      var needed: Set<Value> = [features]
      var kept: [Node] = []
      for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
        needed.formUnion(node.inputs)
        kept.append(node)
      }
      result.nodes = kept.reversed()
    case .head:
      let input = Node(
        operation: FeatureInput(count: features.count), inputs: [], outputs: [features], auxiliaries: [],
        parameters: [], layer: nil, isOfSource: false)
      let isOfHead = isOfHead
      result.nodes = [input] + nodes.indices.filter { isOfHead[$0] }.map { nodes[$0] }
    }
    return result
  }
}

/// Takes the features of a batch for what the trunk gives.
struct FeatureInput: Operation {
  let count: Int
  var keeps: Keeps { Keeps() }

  func forward(_ frame: Frame) {
    guard let features = frame.input.features else { preconditionFailure("the batch has no features") }
    frame.output(0).update(from: features, count: count)
  }

  func backward(_ frame: Frame) { preconditionFailure("features have no gradient") }
}
