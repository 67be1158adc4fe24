"""Fitted models: made from training, saved and loaded, and the labels they give.

Other packages use `fitted` (MutualMeanTeachingModel, load_model), `from_training`,
`retraining`, `image_view` (CachedResult, ImageView) and `found_classes`.
"""
