// Some of a model's own parameters are trained, and nothing is added.
import Graph

struct PartialTraining: Adaptation {
  let trained: Set<String>
  func trains(_ parameter: String) -> Bool { trained.contains(parameter) }
}
