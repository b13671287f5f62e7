// Open MPI for Swift: the macros that Swift cannot import, as functions.
#pragma once
#include <mpi.h>

static inline MPI_Comm swiftdp_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Comm swiftdp_comm_null(void) { return MPI_COMM_NULL; }
static inline MPI_Request swiftdp_request_null(void) { return MPI_REQUEST_NULL; }
static inline MPI_Datatype swiftdp_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype swiftdp_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype swiftdp_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype swiftdp_int64(void) { return MPI_INT64_T; }
static inline MPI_Op swiftdp_sum(void) { return MPI_SUM; }
static inline MPI_Info swiftdp_info_null(void) { return MPI_INFO_NULL; }
static inline MPI_Status *swiftdp_status_ignore(void) { return MPI_STATUS_IGNORE; }
static inline MPI_Status *swiftdp_statuses_ignore(void) { return MPI_STATUSES_IGNORE; }
static inline MPI_Errhandler swiftdp_errors_return(void) { return MPI_ERRORS_RETURN; }
static inline void *swiftdp_in_place(void) { return MPI_IN_PLACE; }
static inline int swiftdp_split_shared(void) { return MPI_COMM_TYPE_SHARED; }
static inline int swiftdp_thread_funneled(void) { return MPI_THREAD_FUNNELED; }
static inline int swiftdp_any_source(void) { return MPI_ANY_SOURCE; }
static inline int swiftdp_any_tag(void) { return MPI_ANY_TAG; }
static inline int swiftdp_undefined(void) { return MPI_UNDEFINED; }
