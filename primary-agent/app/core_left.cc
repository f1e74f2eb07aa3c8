// Removing a relationship whose secondary is gone for good, and what that one hears should it
// return.

#include <algorithm>

#include "common/base/status.h"
#include "common/log/log.h"
#include "primary-agent/app/changing.h"

namespace nestor::primary {
namespace {

using operators::kUsage;
using Record = v1::TransactionRecord;

// Three Hellos of an agent that is there.
constexpr absl::Duration kHeardLately = absl::Seconds(6);

}  // namespace

// `left`: what was being done to it before has ended without the secondary, for this.
void PrimaryApp::Core::RemoveAlone(const Request& request, bool left) {
  const v1::RemoveRequest& remove = request.message.remove();
  if (remove.has_secondary_scopes()) {
    return desk_->Reply(request, {}, kUsage,
                        "--secondary-scopes says what to do on a secondary that is there; one that "
                        "returns after --without-secondary disables its subnets");
  }
  const auto other = std::find_if(changing_.begin(), changing_.end(), [&](const auto& entry) {
    return entry.second->transaction.spec().name() == remove.name();
  });
  if (other != changing_.end() && !remove.options().dry_run()) {
    return LeaveChange(request, other->second);
  }
  if (left && FindStream(remove.name()) == nullptr) {
    return desk_->Reply(
        request, {}, 0,
        fmt::format("what was being done to {} has ended without its secondary", remove.name()));
  }
  const Stream* stream = Named(request, remove.name());
  if (stream == nullptr) return;
  const v1::RelationshipSpec& spec = stream->spec();
  Order order;
  order.wish.kind = Record::REMOVE;
  order.wish.service = stream->service();
  order.wish.spec = spec;
  order.wish.without_secondary = true;
  order.wish.secondary_answers = Answers(spec.secondary(), stream->service());
  order.before = spec;
  order.pools = spec.split_pools() ? v1::JOIN : v1::POOLS_AS_THEY_ARE;
  TakeOptions(remove.options(), order);
  Begin(request, std::move(order));
}

// A change that waits for the secondary alone waits no longer.
void PrimaryApp::Core::LeaveChange(const Request& request,
                                   const std::shared_ptr<Changing>& changing) {
  const v1::RelationshipSpec& spec = changing->transaction.spec();
  Transaction::Actions actions;
  if (Answers(spec.secondary(), changing->service) ||
      !changing->transaction.LeaveSecondary(actions)) {
    return desk_->Refuse(
        request, fmt::format("{} is being changed: {}; try again when that has ended", spec.name(),
                             changing->transaction.Doing()));
  }
  changing->then = [self = weak_from_this(), request] {
    if (const auto core = self.lock()) core->RemoveAlone(request, true);
  };
  Act(changing, std::move(actions));
}

bool PrimaryApp::Core::Answers(const std::string& server, DhcpService service) const {
  return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const Session& session = entry.second;
    const auto kea = session.services.find(service);
    return session.server == server && world_.clock.Now() - session.heard < kHeardLately &&
           kea != session.services.end() && !kea->second.empty();
  });
}

void PrimaryApp::Core::Leave(v1::TransactionRecord record) {
  Left left;
  (void)left.spec.ParseFromString(record.spec());
  left.record = std::move(record);
  // Decided, and not ended yet: it comes to that.
  if (left.record.stage() == Record::DECIDED) left.record.set_stage(Record::LEFT);
  const std::string id = left.record.transaction();
  const auto known = left_.find(id);
  left.told = known != left_.end() && known->second.told;
  left_.insert_or_assign(id, std::move(left));
}

void PrimaryApp::Core::TellLeft(const std::string& server, const Session& session) {
  std::vector<std::string> heard;
  for (auto& [id, left] : left_) {
    if (left.spec.secondary() != server) continue;
    if (left.record.stage() != Record::LEFT) {
      if (!std::exchange(left.told, true)) AskLeft(left.record, left.spec);
      continue;
    }
    const bool follows = std::find(session.known.begin(), session.known.end(), left.spec.name()) !=
                         session.known.end();
    if (left.told && !follows) heard.push_back(id);
  }
  for (const std::string& id : heard) ForgetLeft(id);
}

void PrimaryApp::Core::AskLeft(const v1::TransactionRecord& record,
                               const v1::RelationshipSpec& spec) {
  v1::SiteRequest request;
  request.set_transaction(record.transaction());
  request.set_number(1);
  request.set_start(world_.random.Next());
  if (record.stage() == Record::UNDO_LEFT) {
    request.mutable_undo();
  } else {
    request.mutable_forget();
  }
  const auto service = spec.service() == v1::DHCP6 ? DhcpService::kDhcp6 : DhcpService::kDhcp4;
  sites_->Ask(spec.secondary(), service, spec.name(), request,
              [self = weak_from_this(), id = record.transaction()](const v1::SiteReply& reply) {
                const auto core = self.lock();
                if (!core) return;
                if (reply.code() == 0) return core->ForgetLeft(id);
                const auto left = core->left_.find(id);
                if (left != core->left_.end()) left->second.told = false;  // asked again
              });
}

bool PrimaryApp::Core::WasLeft(const std::string& server, const std::string& name) {
  for (auto& [id, left] : left_) {
    if (left.record.stage() != Record::LEFT || left.spec.secondary() != server ||
        left.spec.name() != name) {
      continue;
    }
    left.told = true;
    return true;
  }
  return false;
}

void PrimaryApp::Core::ForgetLeft(const std::string& id) {
  const auto node = left_.extract(id);
  if (node.empty()) return;
  NESTOR_LOG(info, "SECONDARY_RETURNED", "relationship={} transaction={} server={}",
             node.mapped().spec.name(), id, node.mapped().spec.secondary());
  // What is not removed is told once more after the next start, which does no harm.
  world_.disk.Post([journal = &world_.journal, id] { (void)journal->RemoveTransaction(id); });
}

void PrimaryApp::Core::ForgetLeftOf(const v1::RelationshipSpec& spec) {
  std::vector<std::string> ids;
  for (const auto& [id, left] : left_) {
    if (left.record.stage() == Record::LEFT && left.spec.secondary() == spec.secondary() &&
        left.spec.service() == spec.service()) {
      ids.push_back(id);
    }
  }
  for (const std::string& id : ids) ForgetLeft(id);
}

}  // namespace nestor::primary
