// The models of these tests: small versions of the two families, one with every operation, and random ones.
import Graph
import Reference

extension Sketch {
  /// Layer norms, one product for queries, keys and values, biases, GELU; the head is tied to the embedding.
  static func gpt2(
    width: Int = 8, heads: Int = 2, layers: Int = 2, vocabulary: Int = 13, dropout: Double = 0.2,
    tied: Bool = true
  ) -> Sketch {
    var s = Sketch(vocabulary: vocabulary)
    var x = s.append(.embedding("wte", columns: width))
    x = s.append(.positions(x, "wpe"))
    x = s.append(.dropout(x, dropout))
    for layer in 0..<layers {
      s.inBlock { s in
        let h = "h.\(layer)."
        var n = s.append(.norm(x, h + "ln_1", centred: true))
        n = s.linear(n, h + "c_attn", 3 * width, layout: .inputByOutput)
        n = s.append(
          .attention(
            Sketch.AttentionStep(
              q: n, heads: heads, keyHeads: heads, width: width / heads, dropout: dropout)))
        n = s.linear(n, h + "c_proj", width, layout: .inputByOutput)
        x = s.append(.add(x, s.append(.dropout(n, dropout))))
        n = s.append(.norm(x, h + "ln_2", centred: true))
        n = s.append(.gelu(s.linear(n, h + "c_fc", 4 * width, layout: .inputByOutput)))
        n = s.linear(n, h + "mlp", width, layout: .inputByOutput)
        x = s.append(.add(x, s.append(.dropout(n, dropout))))
      }
    }
    x = s.append(.norm(x, "ln_f", centred: true))
    s.head = (x, tied ? "wte" : "lm_head")
    return s
  }

  /// RMS norms, rotary positions, grouped key heads, SwiGLU, products side by side; a separate head.
  static func llama(width: Int = 8, layers: Int = 2, vocabulary: Int = 13, tied: Bool = false) -> Sketch {
    var s = Sketch(vocabulary: vocabulary)
    let headWidth = width / 4
    var x = s.append(.embedding("embed", columns: width))
    for layer in 0..<layers {
      s.inBlock { s in
        let l = "layers.\(layer)."
        var n = s.append(.norm(x, l + "input_norm", centred: false))
        n = s.append(
          .linear(
            n,
            [
              (l + "q", columns: 4 * headWidth), (l + "k", columns: 2 * headWidth),
              (l + "v", columns: 2 * headWidth),
            ], bias: false, layout: .outputByInput))
        n = s.append(
          .attention(
            Sketch.AttentionStep(
              q: n, heads: 4, keyHeads: 2, width: headWidth, rotated: headWidth, dropout: 0.1)))
        x = s.append(.add(x, s.linear(n, l + "o", width, bias: false)))
        n = s.append(.norm(x, l + "post_norm", centred: false))
        n = s.append(
          .linear(
            n, [(l + "gate", columns: 2 * width), (l + "up", columns: 2 * width)], bias: true,
            layout: .outputByInput))
        n = s.append(.swiGLU(n))
        x = s.append(.add(x, s.linear(n, l + "down", width, bias: false)))
      }
    }
    x = s.append(.norm(x, "norm", centred: false))
    s.head = (x, tied ? "embed" : "lm_head")
    return s
  }

  /// Norms after the sums, types of tokens, the other GELU and tanh.
  static func bert(width: Int = 8, layers: Int = 2, vocabulary: Int = 13, dropout: Double = 0.1) -> Sketch {
    var s = Sketch(vocabulary: vocabulary)
    var x = s.append(.embedding("words", columns: width))
    x = s.append(.types(x, "types"))
    x = s.append(.positions(x, "places"))
    x = s.append(.dropout(s.append(.norm(x, "norm", centred: true)), dropout))
    for layer in 0..<layers {
      s.inBlock { s in
        let l = "layer.\(layer)."
        let parts = ["q", "k", "v"].map { (l + $0, columns: width) }
        var n = s.append(.linear(x, parts, bias: true, layout: .outputByInput))
        n = s.append(
          .attention(
            Sketch.AttentionStep(
              q: n, heads: 2, keyHeads: 2, width: width / 2, isCausal: false, dropout: dropout)))
        n = s.append(.dropout(s.linear(n, l + "out", width), dropout))
        x = s.append(.norm(s.append(.add(x, n)), l + "norm1", centred: true))
        n = s.append(.gaussianGELU(s.linear(x, l + "in", 2 * width)))
        n = s.append(.dropout(s.linear(n, l + "down", width), dropout))
        x = s.append(.norm(s.append(.add(x, n)), l + "norm2", centred: true))
      }
    }
    s.head = (s.append(.tanh(s.linear(x, "pooler", width))), "words")
    return s
  }

  /// What today's decoders bring: norms of the heads of queries and keys, a part of each head rotated in one layer and no
  /// head in the next, windows, capped scores, norms that are stored as differences from 1, GeGLU.
  static func gemma(width: Int = 8, vocabulary: Int = 13) -> Sketch {
    var s = Sketch(vocabulary: vocabulary)
    let headWidth = 6
    var x = s.append(.embedding("embed", columns: width))
    for layer in 0..<2 {
      s.inBlock { s in
        let l = "layers.\(layer)."
        let n = s.append(.headNorm(x, l + "input_norm", groups: 1))
        var q = s.linear(n, l + "q", 4 * headWidth, bias: false)
        var k = s.linear(n, l + "k", 2 * headWidth, bias: false)
        let v = s.linear(n, l + "v", 2 * headWidth, bias: false)
        q = s.append(.headNorm(q, l + "q_norm", groups: 4))
        k = s.append(.headNorm(k, l + "k_norm", groups: 2))
        let a = s.append(
          .attention(
            Sketch.AttentionStep(
              q: q, k: k, v: v, heads: 4, keyHeads: 2, width: headWidth, rotated: layer == 0 ? 4 : 0,
              scale: 0.7, window: layer == 0 ? 3 : nil, softCap: layer == 0 ? nil : 1.5, dropout: 0.1)))
        x = s.append(.add(x, s.append(.headNorm(s.linear(a, l + "o", width), l + "after", groups: 1))))
        let m = s.append(.geGLU(s.linear(s.append(.headNorm(x, l + "n", groups: 1)), l + "in", 4 * width)))
        x = s.append(.add(x, s.linear(m, l + "down", width, bias: false)))
      }
    }
    s.head = (s.append(.headNorm(x, "norm", groups: 1)), "embed")
    return s
  }

  /// Biases by distance that two layers share, and query, key and value of a head side by side.
  static func t5(
    width: Int = 8, layers: Int = 2, vocabulary: Int = 13, isCausal: Bool = true
  ) -> Sketch {
    var s = Sketch(vocabulary: vocabulary)
    var x = s.append(.embedding("embed", columns: width))
    let bias = s.append(
      .distanceBias("bias", DistanceBuckets(count: 6, farthest: 5, isCausal: isCausal), heads: 2))
    for layer in 0..<layers {
      s.inBlock { s in
        let l = "layers.\(layer)."
        let qkv = s.linear(s.append(.norm(x, l + "norm", centred: false)), l + "qkv", 3 * width, bias: false)
        let a = s.append(
          .attention(
            Sketch.AttentionStep(
              q: qkv, heads: 2, keyHeads: 2, width: width / 2, isCausal: isCausal, scale: 1, bias: bias,
              interleaved: layer == 0, dropout: 0.1)))
        x = s.append(.add(x, s.linear(a, l + "o", width, bias: false)))
      }
    }
    s.head = (s.append(.norm(x, "norm", centred: false)), "embed")
    return s
  }

  /// Queries of one value, keys and values of another.
  static func source(width: Int = 8, vocabulary: Int = 13) -> Sketch {
    var s = Sketch(vocabulary: vocabulary)
    let x = s.append(.embedding("embed", columns: width))
    let source = s.linear(x, "encoder", width)
    var y = x
    for layer in 0..<2 {
      s.inBlock { s in
        let q = s.linear(s.append(.norm(y, "norm\(layer)", centred: true)), "q\(layer)", 4 * 3)
        let kv = s.linear(source, "kv\(layer)", 2 * 2 * 3, bias: false)
        let a = s.append(
          .attention(
            Sketch.AttentionStep(
              q: q, k: kv, heads: 4, keyHeads: 2, width: 3, isCausal: false, isOfSource: true, dropout: 0.1)))
        y = s.append(.add(y, s.linear(a, "o\(layer)", width)))
      }
    }
    s.head = (s.append(.norm(y, "norm", centred: true)), "embed")
    return s
  }

  /// Operations in any order on any earlier value, inside and outside of blocks; everything reaches the loss.
  static func random(_ number: Int) -> Sketch {
    var draw = Draw(1000 + number)
    var s = Sketch(vocabulary: 5 + draw.below(9))
    var open: Set<Int> = []
    var free: [Int] = []
    func width() -> Int { 2 * (2 + draw.below(3)) }
    func add(_ step: Step, reading inputs: [Int], hidden: Bool = false) -> Int {
      let place = s.append(step)
      for input in inputs { open.remove(input) }
      open.insert(place)
      if !hidden { free.append(place) }
      return place
    }
    func any() -> Int { free[draw.below(free.count)] }
    func product(_ x: Int, columns: Int, hidden: Bool = false) -> Int {
      let name = "p\(s.steps.count)"
      let parts =
        draw.chance(0.4) && columns > 1
        ? [(name + "a", columns: 1), (name + "b", columns: columns - 1)] : [(name, columns: columns)]
      let step = Step.linear(
        x, parts, bias: draw.chance(0.5), layout: draw.chance(0.5) ? .outputByInput : .inputByOutput)
      return add(step, reading: [x], hidden: hidden)
    }
    func operation() {
      let x = any()
      switch draw.below(8) {
      case 0: _ = product(x, columns: width())
      case 1: _ = add(.norm(x, "n\(s.steps.count)", centred: draw.chance(0.5)), reading: [x])
      case 2: _ = add(.gelu(x), reading: [x])
      case 3:
        let gates = product(x, columns: 2 * width())
        _ = add(.swiGLU(gates), reading: [gates])
      case 4: _ = add(.dropout(x, 0.3), reading: [x])
      case 5:
        let (keyHeads, group, half) = (1 + draw.below(2), 1 + draw.below(2), 1 + draw.below(2))
        // Rotation works in place: nothing else may read the queries, keys and values.
        let columns = (keyHeads * group + 2 * keyHeads) * 2 * half
        let qkv = product(x, columns: columns, hidden: true)
        let step = AttentionStep(
          q: qkv, heads: keyHeads * group, keyHeads: keyHeads, width: 2 * half,
          rotated: draw.chance(0.5) ? 2 * half : 0, dropout: draw.chance(0.5) ? 0.2 : 0)
        _ = add(.attention(step), reading: [qkv])
      default:
        let partners = free.filter { s.columns[$0] == s.columns[x] }
        let y = partners[draw.below(partners.count)]
        _ = add(.add(x, y), reading: [x, y])
      }
    }

    let embedded = add(.embedding("table", columns: width()), reading: [])
    if draw.chance(0.5) { _ = add(.positions(embedded, "places"), reading: [embedded]) }
    for _ in 0..<1 + draw.below(3) {
      for _ in 0..<draw.below(3) { operation() }
      if draw.chance(0.8) {
        s.begin()
        for _ in 0...draw.below(5) { operation() }
        s.end()
      }
    }
    let columns = s.columns[embedded]
    var sum: Int?
    for place in open.sorted() {
      let part = product(place, columns: columns)
      sum = sum.map { add(.add($0, part), reading: [$0, part]) } ?? part
    }
    let x = add(.norm(sum ?? embedded, "last", centred: true), reading: [])
    s.head = (x, draw.chance(0.5) ? "table" : "head")
    return s
  }
}
