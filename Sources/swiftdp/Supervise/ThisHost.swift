// Whether a name of a host means this one.
import Collectives
import Foundation

/// mpirun starts the ranks of its own host without the agent that reaches others.
func isThisHost(_ name: String) -> Bool {
  let own = Ranks.hostName
  if ["localhost", own, String(own.prefix { $0 != "." })].contains(name) { return true }
  return !Set(Host(name: name).addresses).isDisjoint(with: Host.current().addresses)
}
