// What follows from the weights of a base when an adapter is added to it: the first values of A and B (PiSSA, Meng et
// al. 2024; LoftQ, Li et al. 2023), the weight that PiSSA leaves to be frozen, the magnitudes of DoRA, and virtual tokens
// that begin as words.
//
//   PiSSA:  W = U S V,  B = U √(S / scale),  A = √(S / scale) V  of the largest `rank`,  W ← W − scale · B A
//   LoftQ:  the same of the error W − stored(W), and W stays
//
// Everything is a function of the base and its storage, so every rank gets the same, and so does a run that goes on.
import Base
import Foundation
import Graph
import Kernels
import Models
import Tensors

package final class DerivedWeights: WeightReader, @unchecked Sendable {
  private struct Term {
    /// Of the projection's weight.
    let name: String
    let weight: Int
    /// As it lies in memory.
    let rows: Int
    let columns: Int
    let lowRank: LowRank
    let lock = NSLock()
  }

  private struct Factors {
    /// [rank, inputs] and [outputs, rank]
    let a: [Float]
    let b: [Float]
  }

  private let layout: ParameterLayout
  private let base: any WeightReader
  private let storage: FrozenStorage
  private let blas: BLAS
  private let inputsFirst: Bool
  /// By the name of the weight.
  private let terms: [String: Term]
  private let lock = NSLock()
  private var known: [String: Factors] = [:]

  /// - Parameters:
  ///   - description: of the base, adapted.
  ///   - storage: what projections are kept in.
  /// - Returns: nil where nothing follows from the base, which then says all.
  package init?(
    _ description: ModelDescription, layout: ParameterLayout, base: any WeightReader, storage: FrozenStorage,
    engine: Engine
  ) {
    let sources = Set(layout.parameters.compactMap(\.spec.initial.source))
    guard !sources.isEmpty else { return nil }
    self.layout = layout
    self.base = base
    self.storage = storage
    blas = engine.blas
    let inputsFirst = type(of: description.family).storesInputsFirst
    self.inputsFirst = inputsFirst
    var terms: [String: Term] = [:]
    for name in sources {
      guard let weight = layout.index(of: name) else { continue }
      let shape = layout.parameters[weight].spec.shape
      let (outputs, inputs) = inputsFirst ? (shape[1], shape[0]) : (shape[0], shape[1])
      let module = String(name.dropLast(".weight".count))
      guard let term = description.adaptation.lowRank(at: module, inputs: inputs, outputs: outputs) else {
        continue
      }
      terms[name] = Term(name: name, weight: weight, rows: shape[0], columns: shape[1], lowRank: term)
    }
    self.terms = terms
  }

  package func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let spec = layout.parameters[parameter].spec
    func copy(_ values: [Float]) {
      for (place, element) in elements.enumerated() { target[place] = values[element] }
    }
    if case .rows(let table, let rows, let factor) = spec.initial {
      return try read(rows, of: table, times: factor, elements, into: target)
    }
    if let source = spec.initial.source, let term = terms[source] {
      if case .outputNorms = spec.initial { return copy(try norms(term)) }
      let factors = try factors(term)
      return copy(spec.name.hasSuffix(".lora_A.weight") ? factors.a : factors.b)
    }
    guard let term = terms[spec.name], term.lowRank.start == .pissa else {
      return try base.read(parameter, elements, into: target)
    }
    let rest = try residual(term)
    target.baseAddress?.update(from: rest.base + elements.lowerBound, count: elements.count)
  }

  /// Numbers of some rows of a table of the base, one behind the other.
  private func read(
    _ rows: [Int32], of table: String, times factor: Float, _ elements: Range<Int>,
    into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let index = layout.index(of: table) else { preconditionFailure("\(table) was not declared") }
    let columns = layout.parameters[index].spec.shape[1]
    var done = 0
    while done < elements.count {
      let (row, column) = (elements.lowerBound + done).quotientAndRemainder(dividingBy: columns)
      let part = done..<done + min(columns - column, elements.count - done)
      let first = Int(rows[row]) * columns + column
      try base.read(
        index, first..<first + part.count, into: UnsafeMutableBufferPointer(rebasing: target[part]))
      for place in part { target[place] *= factor }
      done = part.upperBound
    }
  }

  package func halves(of parameter: Int) -> MappedHalves? {
    terms[layout.parameters[parameter].spec.name]?.lowRank.start == .pissa ? nil : base.halves(of: parameter)
  }

  private func weight(_ term: Term) throws -> FlatMemory {
    let count = term.rows * term.columns
    let memory = FlatMemory(count: count, label: "loading")
    try base.read(
      term.weight, 0..<count, into: UnsafeMutableBufferPointer(start: memory.base, count: count))
    return memory
  }

  /// What is frozen, before it is stored.
  private func residual(_ term: Term) throws -> FlatMemory {
    let memory = try weight(term)
    guard term.lowRank.start == .pissa else { return memory }
    try add(term, times: -term.lowRank.scale, to: memory)
    return memory
  }

  /// W += factor · B A, as W lies in memory.
  private func add(_ term: Term, times factor: Float, to memory: FlatMemory) throws {
    let factors = try factors(term)
    let rank = term.lowRank.rank
    let (inputs, outputs) = inputsFirst ? (term.rows, term.columns) : (term.columns, term.rows)
    factors.a.withUnsafeBufferPointer { a in
      factors.b.withUnsafeBufferPointer { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return }
        guard inputsFirst else {
          return blas.product(
            .none, m: outputs, n: inputs, k: rank, alpha: factor, b, rank, a, inputs, beta: 1, memory.base,
            inputs)
        }
        let turned = FlatMemory(count: rank * outputs, label: "loading")
        for output in 0..<outputs {
          for index in 0..<rank { turned.base[index * outputs + output] = b[output * rank + index] }
        }
        blas.product(
          .first, m: inputs, n: outputs, k: rank, alpha: factor, a, inputs, turned.base, outputs, beta: 1,
          memory.base, outputs)
      }
    }
  }

  /// The first A and B of a term that decomposes; zeros for others, whose B is 0.
  private func factors(_ term: Term) throws -> Factors {
    try term.lock.withLock {
      if let found = lock.withLock({ known[term.name] }) { return found }
      let factors = try decomposed(term)
      lock.withLock { known[term.name] = factors }
      return factors
    }
  }

  private func decomposed(_ term: Term) throws -> Factors {
    let memory = try weight(term)
    let (rows, columns, rank) = (term.rows, term.columns, term.lowRank.rank)
    if term.lowRank.start == .loftq {
      let stored = try weight(term)
      storage.round(stored.base, rows: rows, columns: columns)
      for index in 0..<rows * columns { memory.base[index] -= stored.base[index] }
    }
    let count = min(rows, columns)
    precondition(rank <= count, "the method knows how many there are")
    let parts = try SingularValues(of: memory.base, rows: rows, columns: columns, name: term.name, by: blas)
    let roots = (0..<rank).map { (parts.values.base[$0] / term.lowRank.scale).squareRoot() }
    // left [rows, rank] and right [rank, columns], each with the roots.
    var left = [Float](repeating: 0, count: rows * rank)
    var right = [Float](repeating: 0, count: rank * columns)
    for row in 0..<rows {
      for index in 0..<rank { left[row * rank + index] = parts.left.base[row * count + index] * roots[index] }
    }
    for index in 0..<rank {
      for column in 0..<columns {
        right[index * columns + column] = parts.right.base[index * columns + column] * roots[index]
      }
    }
    guard inputsFirst else { return Factors(a: right, b: left) }
    // W lies transposed, so the two change places.
    return Factors(a: Self.turned(left, rows: rows), b: Self.turned(right, rows: rank))
  }

  private static func turned(_ x: [Float], rows: Int) -> [Float] {
    let columns = x.count / rows
    var y = [Float](repeating: 0, count: x.count)
    for row in 0..<rows {
      for column in 0..<columns { y[column * rows + row] = x[row * columns + column] }
    }
    return y
  }

  /// ‖stored(W) + scale · B A‖ of every output, with the first B and A.
  private func norms(_ term: Term) throws -> [Float] {
    let memory = try residual(term)
    storage.round(memory.base, rows: term.rows, columns: term.columns)
    if term.lowRank.start.decomposes { try add(term, times: term.lowRank.scale, to: memory) }
    var squares = [Double](repeating: 0, count: inputsFirst ? term.columns : term.rows)
    for row in 0..<term.rows {
      for column in 0..<term.columns {
        let x = Double(memory.base[row * term.columns + column])
        squares[inputsFirst ? column : row] += x * x
      }
    }
    return squares.map { Float($0.squareRoot()) }
  }
}
