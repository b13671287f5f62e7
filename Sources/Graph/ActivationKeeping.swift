// How activations wait between forward and backward.
import Kernels

package struct ActivationKeeping: Sendable, Hashable {
  /// What they are kept in.
  package var storage: ActivationStorage
  /// Whether they wait in a file (`Arena.init`).
  package var offloads: Bool

  package init(_ storage: ActivationStorage = .float32, offloads: Bool = false) {
    self.storage = storage
    self.offloads = offloads
  }

  /// Whether they wait elsewhere than where operations write and read them.
  var packs: Bool { offloads || storage != .float32 }
}
