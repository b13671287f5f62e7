// Which parameters belong to which layer, by their names: `model.layers.3.mlp.up_proj.weight` is of layer 3.
import Base
import Models
import Tensors

struct LayerNames {
  /// Where a parameter stands.
  enum Place: Equatable {
    /// Ahead of the layers, such as an embedding, or behind them.
    case before, after
    case layer(Int)
  }

  /// By parameter of the layout.
  let places: [Place]
  let count: Int
  /// The key of config.json that says how many layers there are; nil where none does.
  let countKey: String?
  /// Whether there are several stacks of layers, as in encoder-decoders.
  let hasSeveral: Bool

  /// - Throws: if the layers are not numbered from 0.
  init(_ description: ModelDescription, layout: ParameterLayout) throws {
    let numbers = layout.parameters.map { Self.number(in: $0.spec.name) }
    let layers = Set(numbers.compactMap { $0 })
    count = (layers.max() ?? -1) + 1
    guard layers.count == count else {
      throw UserError(.data, "has layers that are not numbered from 0", at: description.folder)
    }
    var places = [Place](repeating: .before, count: numbers.count)
    var isBehind = false
    for index in layout.forwardOrder {
      if let number = numbers[index] {
        places[index] = .layer(number)
        isBehind = true
      } else {
        places[index] = isBehind ? .after : .before
      }
    }
    self.places = places
    hasSeveral = type(of: description.family).readsSource
    countKey = ["num_hidden_layers", "n_layer", "n_layers", "num_layers"].first { [count] in
      description.config[$0]?.integer == count
    }
  }

  /// The first part of a name that is a number.
  private static func number(in name: String) -> Int? {
    name.split(separator: ".").lazy.compactMap { Int($0) }.first { $0 >= 0 }
  }

  /// The same parameter in another layer.
  static func name(_ name: String, inLayer layer: Int) -> String {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false)
    if let place = parts.firstIndex(where: { Int($0) != nil }) { parts[place] = Substring(String(layer)) }
    return parts.joined(separator: ".")
  }
}
