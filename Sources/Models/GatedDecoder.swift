// The forward pass that most of today's decoders share: RMS norms, rotary positions, grouped key heads and gated
// feed-forward parts, as Llama has them. What a family changes of it is a setting here.
//
// B sequences of T tokens, C = hidden size, H heads and G key heads of width D, F = feed-forward width.
import Base
import Graph

package struct GatedDecoder: Sendable {
  /// Where the norms of a layer stand.
  package enum Norms: Sendable {
    /// Before attention and before the feed-forward part.
    case before
    /// On what each of the two adds.
    case after
    case both
  }

  /// RMS norms on queries and keys, before they are rotated.
  package enum HeadNorms: Sendable {
    case none
    /// On each head, with one weight [D] for all heads.
    case each
    /// On all heads at once.
    case all
  }

  package enum Gate: Sendable, Equatable {
    case silu
    case gelu(GELUForm)
  }

  /// What differs from layer to layer.
  package struct Layer: Sendable {
    package var rotary: RotaryTable?
    /// How many keys a query sees at most; nil for all.
    package var window: Int?
  }

  package var vocabulary: Int
  package var maximumLength: Int
  package var width: Int
  package var feedForward: Int
  package var heads: Int
  package var keyHeads: Int
  package var headWidth: Int
  package var epsilon: Double
  package var tied: Bool
  package var attentionDropout: Double
  package var layers: [Layer]
  package var residualDropout = 0.0
  /// Whether queries, keys and values have biases, the output of attention has one, and the feed-forward part has them.
  package var queryBias = false
  package var outputBias = false
  package var feedForwardBias = false
  package var norms = Norms.before
  package var headNorms = HeadNorms.none
  /// Whether the weights of norms are stored as their difference from 1.
  package var normsAddOne = false
  /// Whether queries, keys and values are one projection, and gate and up another.
  package var isPacked = false
  package var gate = Gate.silu
  /// What embeddings are multiplied by.
  package var embeddingFactor = 1.0
  /// The factor of attention's scores; nil for 1 / √D.
  package var scale: Double?
  package var scoreCap: Double?
  package var logitCap: Double?

  package func forward(_ graph: Graph) -> Value {
    var xBTC = graph.embedding(
      "model.embed_tokens.weight", vocabulary: vocabulary, columns: width, factor: embeddingFactor)
    for (index, layer) in layers.enumerated() {
      let l = "model.layers.\(index)."
      graph.layer {
        let nBTC = norms == .after ? xBTC : norm(xBTC, l + "input_layernorm", graph)
        var aBTC = attention(nBTC, layer, l + "self_attn.", graph)
        if norms != .before { aBTC = norm(aBTC, l + "post_attention_layernorm", graph) }
        xBTC = graph.addPart(
          graph.dropout(aBTC, residualDropout), to: xBTC, .attention, l + "attention_adapters")

        var mBTC = xBTC
        switch norms {
        case .before: mBTC = norm(mBTC, l + "post_attention_layernorm", graph)
        case .both: mBTC = norm(mBTC, l + "pre_feedforward_layernorm", graph)
        case .after: break
        }
        mBTC = feedForward(mBTC, l + "mlp.", graph)
        if norms != .before { mBTC = norm(mBTC, l + "post_feedforward_layernorm", graph) }
        xBTC = graph.addPart(
          graph.dropout(mBTC, residualDropout), to: xBTC, .feedForward, l + "output_adapters")
      }
    }
    return norm(xBTC, "model.norm", graph)
  }

  private func norm(_ x: Value, _ name: String, groups: Int = 1, _ graph: Graph) -> Value {
    graph.rmsNorm(x, name, epsilon: epsilon, groups: groups, plusOne: normsAddOne)
  }

  private func attention(_ nBTC: Value, _ layer: Layer, _ a: String, _ graph: Graph) -> Value {
    let form = AttentionForm(
      heads: heads, keyHeads: keyHeads, headWidth: headWidth, rotary: layer.rotary, scale: scale,
      window: layer.window, softCap: scoreCap, dropout: attentionDropout)
    let (queryColumns, keyColumns) = (heads * headWidth, keyHeads * headWidth)
    let aBTHD: Value
    if headNorms == .none {
      let parts =
        isPacked
        ? [(a + "qkv_proj", columns: queryColumns + 2 * keyColumns)]
        : [
          (a + "q_proj", columns: queryColumns), (a + "k_proj", columns: keyColumns),
          (a + "v_proj", columns: keyColumns),
        ]
      aBTHD = graph.attention(graph.linear(nBTC, parts, bias: queryBias), form)
    } else {
      func projection(_ name: String, _ columns: Int) -> Value {
        graph.linear(nBTC, a + name, columns: columns, bias: queryBias)
      }
      let isEach = headNorms == .each
      let qBTHD = norm(projection("q_proj", queryColumns), a + "q_norm", groups: isEach ? heads : 1, graph)
      let kBTGD = norm(projection("k_proj", keyColumns), a + "k_norm", groups: isEach ? keyHeads : 1, graph)
      aBTHD = graph.attention(qBTHD, kBTGD, projection("v_proj", keyColumns), form)
    }
    return graph.linear(aBTHD, a + "o_proj", columns: width, bias: outputBias)
  }

  private func feedForward(_ nBTC: Value, _ m: String, _ graph: Graph) -> Value {
    let parts =
      isPacked
      ? [(m + "gate_up_proj", columns: 2 * feedForward)]
      : [(m + "gate_proj", columns: feedForward), (m + "up_proj", columns: feedForward)]
    let gateUp = graph.linear(nBTC, parts, bias: feedForwardBias)
    let fBTF =
      switch gate {
      case .silu: graph.swiGLU(gateUp)
      case .gelu(let form): graph.geGLU(gateUp, form)
      }
    return graph.linear(fBTF, m + "down_proj", columns: width, bias: feedForwardBias)
  }
}

/// A family whose forward pass is that of `GatedDecoder`.
package protocol GatedDecoderFamily: ModelFamily {
  var decoder: GatedDecoder { get }
}

extension GatedDecoderFamily {
  package static var basePrefix: String { "model." }
  package static var ignoredSuffixes: [String] { [".rotary_emb.inv_freq"] }
  package static var embedding: String { "model.embed_tokens.weight" }
  package var vocabulary: Int { decoder.vocabulary }
  package var maximumLength: Int { decoder.maximumLength }
  package var tied: Bool { decoder.tied }
  package var logitCap: Double? { decoder.logitCap }
  package func forward(_ graph: Graph) -> Value { decoder.forward(graph) }
}
