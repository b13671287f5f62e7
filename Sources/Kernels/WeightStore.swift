// All weights of a replica: the line of trained parameters, and the store of frozen ones.
import Tensors

package final class WeightStore {
  /// The layout of all parameters, with the trained ones first, as they lie in the line.
  package let layout: ParameterLayout
  package let trained: WeightLine
  package let frozen: FrozenStore?
  /// The type that frozen matrices are multiplied in.
  package let type: ElementType
  /// Where the frozen store has each parameter of the layout; nil where it has the same numbers.
  private let places: [Int?]?

  package init(_ layout: ParameterLayout, trained: WeightLine, frozen: FrozenStore?, type: ElementType) {
    precondition(trained.layout.count == layout.trainedCount, "the line is of other parameters")
    self.layout = layout
    self.trained = trained
    self.frozen = frozen
    self.type = type
    places = nil
  }

  /// Weights on the frozen ones of another store, by their names.
  /// - Returns: nil if that one lacks some, or trains them.
  package init?(_ layout: ParameterLayout, trained: WeightLine, on base: WeightStore) {
    precondition(trained.layout.count == layout.trainedCount, "the line is of other parameters")
    let places = layout.parameters.map { parameter in
      parameter.spec.trains ? nil : base.layout.index(of: parameter.spec.name)
    }
    for (parameter, place) in zip(layout.parameters, places) where !parameter.spec.trains {
      guard let place, !base.layout.parameters[place].spec.trains else { return nil }
    }
    // The other store may stand on those of a third.
    let ownPlaces = places.map { $0.map(base.place) }
    self.layout = layout
    self.trained = trained
    frozen = base.frozen
    type = base.type
    self.places = ownPlaces
  }

  /// The number of a frozen parameter in its store.
  private func place(_ parameter: Int) -> Int { places.map { $0[parameter]! } ?? parameter }

  /// The store of a model whose parameters are all trained.
  package convenience init(_ line: WeightLine) {
    self.init(line.layout, trained: line, frozen: nil, type: line.type)
  }

  /// A parameter of one dimension, as kernels read it.
  package func floats(of parameter: Int) -> UnsafePointer<Float> {
    layout.parameters[parameter].spec.trains
      ? trained.floats(of: parameter) : frozen!.floats(of: place(parameter))
  }

  /// Writes some numbers of a frozen parameter as fp32.
  package func readFrozen(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>)
  {
    precondition(!layout.parameters[parameter].spec.trains, "the parameter is trained")
    frozen!.read(place(parameter), elements, into: target)
  }

  /// A matrix that the adaptation has added.
  package func floats(ofAdded parameter: Int) -> UnsafePointer<Float> {
    layout.parameters[parameter].spec.trains
      ? UnsafePointer(trained.floats + layout.parameters[parameter].range.lowerBound)
      : frozen!.floats(of: place(parameter))
  }

  /// The type that a matrix is multiplied in.
  package func multipliedType(of parameter: Int) -> ElementType {
    layout.parameters[parameter].spec.trains ? trained.type : type
  }

  /// A parameter [rows, columns], as products read it.
  package func matrix(_ parameter: Int, rows: Int, columns: Int) -> Operand {
    guard layout.parameters[parameter].spec.trains else {
      return frozen!.operand(place(parameter), type: type)
    }
    let start = layout.parameters[parameter].range.lowerBound
    return switch trained.type {
    case .float32: .float32(ConstMatrix(trained.floats + start, rows: rows, columns: columns))
    case .bfloat16: .bfloat16(HalfMatrix(trained.halves + start, rows: rows, columns: columns))
    }
  }
}
