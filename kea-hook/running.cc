#include "kea-hook/running.h"

#include <dhcpsrv/cfgmgr.h>

#include "kea-hook/family.h"
#include "kea-hook/reader.h"
#include "kea-hook/transition.h"

namespace nestor::hook {
namespace {

using isc::dhcp::CfgMgr;

template <typename F>
class Running : public RunningConfiguration {
 public:
  const char* service() const override { return F::kService; }

  std::vector<Object> Read(const std::vector<ObjectId>& ids) const override {
    const Reader<F> reader(CfgMgr::instance().getCurrentCfg());
    std::vector<Object> objects;
    for (const ObjectId& id : ids) objects.push_back({id, reader.Read(id)});
    return objects;
  }

  Page ReadOn(const std::string& cursor, std::chrono::microseconds budget) const override {
    return Reader<F>(CfgMgr::instance().getCurrentCfg()).ReadOn(cursor, budget);
  }

  std::vector<Object> Apply(const Change& change, bool dry_run) override {
    return Transition<F>(change).Run(dry_run);
  }
};

}  // namespace

std::unique_ptr<RunningConfiguration> MakeRunningConfiguration() {
  if (CfgMgr::instance().getFamily() == AF_INET) return std::make_unique<Running<V4>>();
  return std::make_unique<Running<V6>>();
}

}  // namespace nestor::hook
