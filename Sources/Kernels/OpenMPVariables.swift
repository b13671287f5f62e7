// Variables of OpenMP, which module files of clusters set for other programs.
import Foundation

enum OpenMPVariables {
  /// libgomp reads them while it is loaded, as a dependency of oneDNN or of one build of OpenBLAS. Those that bind
  /// would keep the thread that loads it on one core, the same in each rank of a host. Call it before either is loaded.
  static func settle() {
    setenv("OMP_NUM_THREADS", "1", 1)
    for name in ["OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "OMP_DISPLAY_ENV"] {
      unsetenv(name)
    }
  }
}
