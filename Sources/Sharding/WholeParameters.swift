// Whole parameters that come together on one rank each, are worked on, and go back in slices.
//
// As many parameters as there are ranks are brought together at once: number i of them on rank i. What comes out of a
// parameter does not depend on which rank works on it.
import Collectives
import Foundation
import Kernels
import Optimizers
import Tensors

extension RankSums {
  private static let tag = 0x4D55

  /// Collective.
  func workOnWhole(_ parameters: [Int], held: [UpdateStretch], _ body: WholeWork) {
    guard let largest = parameters.map({ layout.parameters[$0].spec.count }).max() else { return }
    let room = WholeRoom(largest: largest, pieces: pieces(of: parameters), held: held)
    for first in stride(from: 0, to: parameters.count, by: ranks.count) {
      let now = Array(parameters[first..<min(first + ranks.count, parameters.count)])
      if map.stage == .replicas { replicated(now, room, body) } else { sharded(now, room, body) }
    }
  }

  /// Where every rank holds all ranges, only results travel.
  private func replicated(_ parameters: [Int], _ room: WholeRoom, _ body: WholeWork) {
    for (owner, parameter) in parameters.enumerated() {
      // What every rank holds of states moves on every rank.
      let target = owner == ranks.rank ? room.whole.base : room.other.base
      for index in room.ranges(of: parameter) { body.give(index, target + room.held[index].start) }
    }
    if ranks.rank < parameters.count { body.work(parameters[ranks.rank], room.whole.base) }
    for (owner, parameter) in parameters.enumerated() {
      let result = owner == ranks.rank ? room.whole.base : room.other.base
      ranks.broadcast(
        UnsafeMutableRawBufferPointer(start: result, count: 4 * layout.parameters[parameter].spec.count),
        from: owner)
      for index in room.ranges(of: parameter) { body.take(index, result + room.held[index].start) }
    }
  }

  private func sharded(_ parameters: [Int], _ room: WholeRoom, _ body: WholeWork) {
    let transfers = ranks.transfers()
    let own = ranks.rank < parameters.count ? parameters[ranks.rank] : nil
    /// The place of each held range of these parameters in the other memory; those of this rank's own stay.
    var places: [(index: Int, owner: Int, place: Int)] = []
    var end = 0
    for (owner, parameter) in parameters.enumerated() where owner != ranks.rank {
      for index in room.ranges(of: parameter) {
        places.append((index, owner, end))
        end += room.held[index].count
      }
    }
    // A rank may hold more of the others' parameters than the largest has.
    let other = end <= room.other.count ? room.other : FlatMemory(count: end, label: "orthogonal update")
    if let own {
      for piece in room.pieces[own] ?? [] where piece.owner != ranks.rank {
        transfers.receive(
          room.whole.base + start(piece), count: 4 * piece.line.count, from: piece.owner, tag: Self.tag)
      }
      for index in room.ranges(of: own) { body.give(index, room.whole.base + room.held[index].start) }
    }
    for (index, owner, place) in places {
      body.give(index, other.base + place)
      transfers.send(other.base + place, count: 4 * room.held[index].count, to: owner, tag: Self.tag)
    }
    transfers.wait()
    if let own { body.work(own, room.whole.base) }
    for (index, owner, place) in places {
      transfers.receive(other.base + place, count: 4 * room.held[index].count, from: owner, tag: Self.tag + 1)
    }
    if let own {
      for piece in room.pieces[own] ?? [] where piece.owner != ranks.rank {
        transfers.send(
          room.whole.base + start(piece), count: 4 * piece.line.count, to: piece.owner, tag: Self.tag + 1)
      }
      for index in room.ranges(of: own) { body.take(index, room.whole.base + room.held[index].start) }
    }
    transfers.wait()
    for (index, _, place) in places { body.take(index, other.base + place) }
  }

  private func start(_ piece: Piece) -> Int {
    piece.line.lowerBound - layout.parameters[piece.parameter].range.lowerBound
  }

  /// The pieces of some parameters, in the order of the line, as every rank knows them.
  private func pieces(of parameters: [Int]) -> [Int: [Piece]] {
    let wanted = Set(parameters)
    var pieces: [Int: [Piece]] = [:]
    for bucket in map.slices.indices {
      for piece in map.pieces(ofBucket: bucket) where wanted.contains(piece.parameter) {
        pieces[piece.parameter, default: []].append(piece)
      }
    }
    return pieces
  }
}

/// The memory of a rank while parameters are brought together, and what it holds of them.
private struct WholeRoom {
  /// The parameter that this rank works on, and ranges of the others'.
  let whole: FlatMemory
  let other: FlatMemory
  let pieces: [Int: [Piece]]
  let held: [UpdateStretch]
  private let byParameter: [Int: [Int]]

  init(largest: Int, pieces: [Int: [Piece]], held: [UpdateStretch]) {
    whole = FlatMemory(count: largest, label: "orthogonal update")
    other = FlatMemory(count: largest, label: "orthogonal update")
    self.pieces = pieces
    self.held = held
    byParameter = Dictionary(grouping: held.indices) { held[$0].parameter }
  }

  /// The ranges that this rank holds, in the order of the line.
  func ranges(of parameter: Int) -> [Int] { byParameter[parameter] ?? [] }
}
