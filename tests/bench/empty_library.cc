// A hook library that does nothing at the callouts at which Nestor's tells of leases: what Kea itself
// takes to call a library.
#include <hooks/hooks.h>

extern "C" {

int version() { return KEA_HOOKS_VERSION; }
int multi_threading_compatible() { return 1; }
int load(isc::hooks::LibraryHandle&) { return 0; }
int unload() { return 0; }

int lease4_renew(isc::hooks::CalloutHandle&) { return 0; }
int leases4_committed(isc::hooks::CalloutHandle&) { return 0; }
int lease4_expire(isc::hooks::CalloutHandle&) { return 0; }
int lease4_recover(isc::hooks::CalloutHandle&) { return 0; }

}  // extern "C"
