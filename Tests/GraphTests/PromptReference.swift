// The vectors of a prompt in fp64: a table, or what its encoder makes of embeddings.
import Foundation
import Graph
import Reference

struct PromptReference {
  let prompt: Prompt
  let columns: Int
  let parameter: (String) -> [Double]

  init(_ prompt: Prompt, columns: Int, parameter: @escaping (String) -> [Double]) {
    self.prompt = prompt
    self.columns = columns
    self.parameter = parameter
  }

  /// [n, C]
  var vectors: [Double] {
    let relu = { (x: [Double]) in x.map { max($0, 0) } }
    let table = { parameter("prompt_encoder.embedding.weight") }
    switch prompt.encoder {
    case .none: return parameter("prompt_embeddings")
    case .projection:
      return linear(linear(table(), "transform.0").map { tanh($0) }, "transform.2")
    case .mlp: return linear(relu(linear(relu(linear(table(), "mlp_head.0")), "mlp_head.2")), "mlp_head.4")
    case .lstm(let hidden, let layers, _):
      var x = table()
      for layer in 0..<layers {
        let (forth, back) = (lstm(x, layer, hidden, ""), lstm(x, layer, hidden, "_reverse"))
        x = (0..<prompt.count).flatMap { row -> [Double] in
          let units = row * hidden..<(row + 1) * hidden
          return Array(forth[units]) + Array(back[units])
        }
      }
      return linear(relu(linear(x, "mlp_head.0")), "mlp_head.2")
    }
  }

  private func linear(_ x: [Double], _ name: String) -> [Double] {
    product(x, "prompt_encoder.\(name).weight", "prompt_encoder.\(name).bias")
  }

  private func product(_ x: [Double], _ weight: String, _ bias: String) -> [Double] {
    let (w, b) = (parameter(weight), parameter(bias))
    let inputs = w.count / b.count
    return Reference.linear(
      x, rows: x.count / inputs, inputs: inputs, weight: w, outputs: b.count, outputByInput: true, bias: b)
  }

  /// One way of torch's `LSTM`, written after its documentation: [n, hidden].
  private func lstm(_ x: [Double], _ layer: Int, _ hidden: Int, _ way: String) -> [Double] {
    let name = "prompt_encoder.lstm_head."
    let sums = product(x, name + "weight_ih_l\(layer)\(way)", name + "bias_ih_l\(layer)\(way)")
    var (h, c) = ([Double](repeating: 0, count: hidden), [Double](repeating: 0, count: hidden))
    var rows = [[Double]](repeating: [], count: prompt.count)
    for row in way.isEmpty ? Array(0..<prompt.count) : (0..<prompt.count).reversed() {
      let own = product(h, name + "weight_hh_l\(layer)\(way)", name + "bias_hh_l\(layer)\(way)")
      let first = row * 4 * hidden
      let a = own.indices.map { (place: Int) -> Double in own[place] + sums[first + place] }
      for unit in 0..<hidden {
        let (i, f) = (Reference.sigmoid(a[unit]), Reference.sigmoid(a[hidden + unit]))
        let (g, o) = (tanh(a[2 * hidden + unit]), Reference.sigmoid(a[3 * hidden + unit]))
        c[unit] = f * c[unit] + i * g
        h[unit] = o * tanh(c[unit])
      }
      rows[row] = h
    }
    return rows.flatMap { $0 }
  }
}
