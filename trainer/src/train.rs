//! The training loops, and everything that only a training needs.
//!
//! ```text
//! pretrain, finetune            the two loops, one screen each
//! initial_weights,              what a training begins with: a checkpoint's weights, and what they lack, drawn
//! initial_pretraining
//! prefetch                      the next micro-batch goes to a GPU while the current one is computed
//! forward_backward              the loss of a micro-batch and its gradients; with little memory by
//!                               activation_checkpointing
//! objective                     what a head's answers are compared with
//! asked                         what it is asked from outside between steps
//! state, steps                  one optimiser step; what is logged and saved behind it
//! look                          what is seen of the weights between two steps of a pre-training
//! validation                    how well a classifier does while it is trained
//! run_folder, metrics           the folder of a run, its files
//! event_file                    the same numbers for TensorBoard
//! world, join_world             several processes that train one model; all_reduce: the mean of their gradients
//! pair_tree                     the order in which gradients are added, whoever adds them
//! loss_trend                    whether the loss has fallen, for a person
//! ```

mod activation_checkpointing;
mod all_reduce;
pub mod asked;
pub mod error;
pub mod event_file;
pub mod finetune;
pub mod forward_backward;
pub mod initial_pretraining;
pub mod initial_weights;
pub mod join_world;
pub mod look;
pub mod loss_trend;
pub mod metrics;
pub mod objective;
mod pair_tree;
pub mod prefetch;
pub mod pretrain;
pub mod run_folder;
mod set_losses;
pub mod state;
pub mod steps;
mod stopwatch;
pub mod validation;
pub mod world;
