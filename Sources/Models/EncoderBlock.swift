// The block of encoders whose norms stand after the sums, as the Transformer had it at first (Vaswani et al. 2017):
//   a = norm(x + attention(x)),  y = norm(a + W2 · activation(W1 a)).
import Base
import Graph

/// The sizes of a block, and what its parts are called in a family's checkpoints. C = width, F = feed-forward width.
package struct EncoderBlock: Sendable {
  /// The names of modules behind the prefix of a layer.
  package struct Names: Sendable {
    package var query: String
    package var key: String
    package var value: String
    package var attentionOutput: String
    package var attentionNorm: String
    package var inner: String
    package var outer: String
    package var outputNorm: String
    /// The modules of bottlenecks, as AdapterHub calls them.
    package var attentionAdapter = "attention_adapters"
    package var outputAdapter = "output_adapters"

    /// As in BERT, which others follow.
    package static let bert = Names(
      query: "attention.self.query", key: "attention.self.key", value: "attention.self.value",
      attentionOutput: "attention.output.dense", attentionNorm: "attention.output.LayerNorm",
      inner: "intermediate.dense", outer: "output.dense", outputNorm: "output.LayerNorm",
      attentionAdapter: "attention.output", outputAdapter: "output")
  }

  package var names = Names.bert
  package var width: Int
  package var feedForward: Int
  package var heads: Int
  package var epsilon: Double
  package var activation: Activation
  /// The probabilities that an output of the attention, of the activation and of the block is dropped.
  package var attentionOutputDropout: Double
  package var activationDropout = 0.0
  package var outputDropout: Double
  /// The probability that a query misses a key.
  package var attentionDropout: Double

  /// - Parameters:
  ///   - x: [B · T, C].
  ///   - prefix: that of the layer's names, with its point.
  package func record(_ x: Value, _ prefix: String, on graph: Graph) -> Value {
    var y = x
    graph.layer {
      let aBTC = graph.attention(
        projections(x, prefix, on: graph), heads: heads, keyHeads: heads, headWidth: width / heads,
        isCausal: false, dropout: attentionDropout)
      y = fedForward(afterAttention(aBTC, of: x, prefix, on: graph), prefix, on: graph)
    }
    return y
  }

  /// Queries, keys and values side by side.
  func projections(_ x: Value, _ prefix: String, on graph: Graph) -> Value {
    graph.linear(
      x,
      [
        (prefix + names.query, columns: width), (prefix + names.key, columns: width),
        (prefix + names.value, columns: width),
      ], bias: true)
  }

  /// The projection of what attention gave, and the sum with what it read.
  func afterAttention(_ attention: Value, of x: Value, _ prefix: String, on graph: Graph) -> Value {
    let aBTC = graph.linear(attention, prefix + names.attentionOutput, columns: width, bias: true)
    return graph.addPart(
      graph.dropout(aBTC, attentionOutputDropout), to: x, .attention, prefix + names.attentionAdapter
    ) { graph.layerNorm($0, prefix + names.attentionNorm, epsilon: epsilon) }
  }

  func fedForward(_ x: Value, _ prefix: String, on graph: Graph) -> Value {
    let fBTF = activation.record(
      graph.linear(x, prefix + names.inner, columns: feedForward, bias: true), on: graph)
    let mBTC = graph.linear(
      graph.dropout(fBTF, activationDropout), prefix + names.outer, columns: width, bias: true)
    return graph.addPart(
      graph.dropout(mBTC, outputDropout), to: x, .feedForward, prefix + names.outputAdapter
    ) { graph.layerNorm($0, prefix + names.outputNorm, epsilon: epsilon) }
  }
}
