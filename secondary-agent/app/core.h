#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/operator/desk.h"
#include "common/watch/lookout.h"
#include "secondary-agent/app/secondary_app.h"
#include "secondary-agent/app/site_desk.h"
#include "secondary-agent/follow/mirror.h"

namespace nestor::secondary {

// What a SecondaryApp is made of: a lookout per service, a mirror per relationship, and what the
// primary's agent says of which there are. Protocol thread only; found by tasks through weak
// pointers.
class SecondaryApp::Core : public std::enable_shared_from_this<SecondaryApp::Core> {
 public:
  Core(SecondaryOptions options, SecondaryWorld world);

  absl::Status Start();
  void Tick();
  void Drain();
  std::string StatusLine() const;

 private:
  using Request = operators::Request;
  // A local Kea: who looks at it and who changes it.
  struct LocalKea {
    std::shared_ptr<watch::Lookout> lookout;
    std::shared_ptr<Applier> applier;
    std::shared_ptr<keafile::ConfigWriter> writer;
    std::optional<watch::Look> look;  // the last one, without its set
    bool read = false;                // its configuration, at least once
  };

  // -- core.cc
  void OnEvent(std::string_view topic, std::string_view payload);
  void OnPrimary(std::string_view payload);
  void OnUnsupported(std::string_view payload, const absl::Status& status);
  void OnAgentWelcome(const v1::Envelope& envelope);
  void RemoveReplaced(const v1::RelationshipSpec& spec, const std::set<std::string>& known);
  void OnSpec(const v1::RelationshipSpec& spec);
  std::shared_ptr<SiteDesk> MakeSiteDesk();
  void OnSiteRequest(const v1::Envelope& envelope);
  void OnSiteReply(DhcpService service, v1::SiteReply& reply);
  // The mirror to which what comes is to be given; null: there is none, or it is suspended.
  Mirror* Listening(std::string_view name);
  void AddMirror(const v1::RelationshipSpec& spec, DhcpService service,
                 protocol::FollowerMemory memory);
  void RemoveMirror(const std::string& name, std::string_view by);

  // -- core_ending.cc
  // The relationship was removed on its primary while this server was taken for lost. Takes its HA
  // out here and disables its subnets, then removes the mirror; where that fails, again at the next
  // such word.
  void EndAlone(const std::string& name, const std::string& by);
  void EndNext(const std::string& name, const std::string& by, std::vector<v1::SiteRequest> asks);

  // -- core.cc
  void OnLook(DhcpService service, watch::Look look);
  void SayHello();
  void UpdateReadiness();

  // -- core_operator.cc
  void OnOperator(const bus::Peer& from, std::string_view payload);
  void Dispatch(const Request& request);
  void Status(const Request& request);
  void Resync(const Request& request);
  void Diff(const Request& request);
  void Decide(const Request& request);
  void List(const Request& request);
  void Show(const Request& request);
  void Remove(const Request& request);
  void Scopes(const Request& request);
  // What is in the way of a relationship that its mirror does not know of.
  std::vector<std::string> TroublesOf(const std::string& name) const;
  // Finds the mirror or answers that there is none.
  Mirror* Named(const Request& request, const std::string& name);

  SecondaryOptions options_;
  SecondaryWorld world_;
  std::shared_ptr<operators::Desk> desk_;
  std::map<DhcpService, LocalKea> keas_;
  std::shared_ptr<SiteDesk> site_desk_;
  std::map<std::string, std::shared_ptr<Mirror>, std::less<>> mirrors_;
  // Whose relationship is ending or was to end: they hear nothing until that is decided.
  std::map<std::string, DhcpService, std::less<>> suspended_;
  // What EndAlone() is about.
  struct Ending {
    bool under_way = false;
    std::string trouble;  // why it is not done yet, as it was logged; empty: it was not tried yet
  };
  std::map<std::string, Ending> alone_;
  std::set<std::string> adding_;    // names between the primary's word and the store's
  std::set<std::string> unserved_;  // of services that its configuration has not, as was logged
  std::set<std::string> orphaned_;  // mirrors that the primary does not know (any more)
  std::string refusal_;             // why the primary refuses this agent; empty: it does not
  Instant next_hello_;
  std::optional<Instant> welcomed_;  // when the primary's agent last answered
};

}  // namespace nestor::secondary
